/** `pull-raw`: prints the entries of streams, one per line. */
import type { CommandRow } from "../command.ts";
import { pullLoop } from "../loops/pull-loop.ts";
import { PULL_ARGUMENTS, PULL_OPTIONS, type PullFlags } from "../loops/pull-options.ts";
import { entryLine } from "../output/entry-text.ts";

/** The command. */
export const pullRaw: CommandRow = {
  name: "pull-raw",
  aliases: ["pull_raw"],
  group: "Samples",
  summary: "print entries, one per line, as stream: id | payload | other fields",
  arguments: PULL_ARGUMENTS,
  options: PULL_OPTIONS,
  run: (io, [streams]: [readonly string[]], flags: PullFlags) =>
    pullLoop(io, streams, flags, {
      show: (entry) => io.terminal.print(entryLine(entry)),
      progress: () => "",
      totals: () => "",
    }),
};
