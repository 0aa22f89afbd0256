/** `rm`: deletes streams and their metadata, after a confirmation. */
import { createInterface } from "node:readline/promises";
import type { CommandRow } from "../command.ts";
import { openStreamer } from "../connection.ts";
import { CommandError, usageError } from "../exit-codes.ts";
import { NAMING, type NamingFlags, YES } from "../options.ts";
import type { Io } from "../output/io.ts";
import { oneLine } from "../output/payload-text.ts";

interface Flags extends NamingFlags {
  readonly yes?: true;
}

/** The command. */
export const rm: CommandRow = {
  name: "rm",
  group: "Streams",
  summary: "delete streams and their metadata",
  arguments: [{ name: "<streams...>", doc: "streams to delete; names are literal", kind: "stream" }],
  options: [...NAMING, YES],
  async run(io, [streams]: [readonly string[]], flags: Flags) {
    const { device = "default", prefix, yes } = flags;
    const names = streams.map(oneLine).join(", ");
    if (!yes && !(await isConfirmed(io, `delete ${names} of device ${JSON.stringify(device)}`))) return;
    const streamer = openStreamer(flags);
    const missing: string[] = [];
    for (const stream of streams) {
      const existed = await streamer.deleteStream(stream, { device, prefix, signal: io.signal });
      if (existed) io.terminal.note(`deleted ${oneLine(stream)}`);
      else missing.push(oneLine(stream));
    }
    if (missing.length > 0) throw new CommandError(`no such stream: ${missing.join(", ")}`);
  },
};

/** Waits for an answer on the terminal. @throws CommandError if there is no terminal */
async function isConfirmed({ input, signal, terminal }: Io, what: string): Promise<boolean> {
  if (input.isTTY !== true) throw usageError(`to ${what} without a terminal, pass --yes`);
  const lines = createInterface({ input, output: process.stderr });
  // Ctrl-D, and Ctrl-C in the terminal's raw mode, close the input without an answer.
  const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  try {
    const answer = await Promise.race([lines.question(`${what}? [y/N] `, { signal }), closed]);
    const isYes = /^y(es)?$/i.test(answer.trim());
    if (!isYes) terminal.note("nothing was deleted");
    return isYes;
  } finally {
    lines.close();
  }
}
