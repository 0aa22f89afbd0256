/** `pull-raw`: prints the entries of a stream, one a line. */
import { Command } from "commander";
import { connect } from "../../client/index.ts";
import { type PullFlags, withPullFlags } from "../flags.ts";
import type { Io } from "../io.ts";
import { oneLine, payloadText } from "../payload-text.ts";
import { pullLoop } from "../pull-loop.ts";

/** Makes the command. */
export const pullRaw = (io: Io): Command =>
  withPullFlags(new Command("pull-raw"))
    .alias("pull_raw")
    .description("print what comes, one entry a line: stream: id | payload")
    .argument("<stream>", "stream to pull, or several joined by +")
    .action((stream: string, flags: PullFlags) =>
      pullLoop(io, connect(flags.url, { token: flags.token }), stream, flags, {
        show: (entry) =>
          io.terminal.print(`${oneLine(entry.stream)}: ${entry.id} | ${payloadText(entry.data)}`),
        progress: () => "",
        totals: () => "",
      }),
    );
