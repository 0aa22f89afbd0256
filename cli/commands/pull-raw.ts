/** `pull-raw`: prints the entries of a stream, one a line. */
import { Command } from "commander";
import { connect, fieldsText, type StreamEntry } from "../../client/index.ts";
import { type PullFlags, withPullFlags } from "../flags.ts";
import type { Io } from "../io.ts";
import { oneLine, payloadText } from "../payload-text.ts";
import { pullLoop } from "../pull-loop.ts";

/** Returns an entry as one line. An entry of another program may have fields and no payload. */
export function entryLine({ stream, id, data, fields }: StreamEntry): string {
  const parts = data.length > 0 || fields === undefined ? [payloadText(data)] : [];
  if (fields !== undefined) parts.push(oneLine(fieldsText(fields)));
  return `${oneLine(stream)}: ${id} | ${parts.join(" | ")}`;
}

/** Makes the command. */
export const pullRaw = (io: Io): Command =>
  withPullFlags(new Command("pull-raw"))
    .alias("pull_raw")
    .description("print entries, one a line: stream: id | payload | fields besides the payload")
    .argument("<stream>", "stream to pull, or several joined by +")
    .action((stream: string, flags: PullFlags) =>
      pullLoop(io, connect(flags.url, { token: flags.token }), stream, flags, {
        show: (entry) => io.terminal.print(entryLine(entry)),
        progress: () => "",
        totals: () => "",
      }),
    );
