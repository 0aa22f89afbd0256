/** `pull-raw`: prints the entries of streams, one per line. */
import { Command } from "commander";
import { connect, fieldsText, type StreamEntry } from "../../client/index.ts";
import { type PullFlags, withPullFlags } from "../flags.ts";
import { pullLoop } from "../loops/pull-loop.ts";
import type { Io } from "../output/io.ts";
import { oneLine, payloadText } from "../output/payload-text.ts";

/** Formats an entry as one line. Entries written by other programs may have fields and no payload. */
export function entryLine({ stream, id, data, fields }: StreamEntry): string {
  const parts = data.length > 0 || fields === undefined ? [payloadText(data)] : [];
  if (fields !== undefined) parts.push(oneLine(fieldsText(fields)));
  return `${oneLine(stream)}: ${id} | ${parts.join(" | ")}`;
}

/** Creates the command. */
export const pullRaw = (io: Io): Command =>
  withPullFlags(new Command("pull-raw"))
    .alias("pull_raw")
    .description("print entries, one per line, as stream: id | payload | other fields")
    .argument("<streams...>", "streams to pull, separated by spaces; names are literal, as in push commands")
    .action((streams: readonly string[], flags: PullFlags) =>
      pullLoop(io, connect(flags.url, { token: flags.token }), streams, flags, {
        show: (entry) => io.terminal.print(entryLine(entry)),
        progress: () => "",
        totals: () => "",
      }),
    );
