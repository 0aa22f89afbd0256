/** `pull-image`: measures the images of streams, and can save them. */
import { Command } from "commander";
import { connect } from "../../client/index.ts";
import { type PullFlags, withPullFlags } from "../flags.ts";
import { createImageReport } from "../images/image-report.ts";
import { pullLoop } from "../loops/pull-loop.ts";
import type { Io } from "../output/io.ts";
import { createSaver } from "../output/saver.ts";

/** Creates the command. */
export const pullImage = (io: Io): Command =>
  withPullFlags(new Command("pull-image"))
    .alias("pull_image")
    .description("show frame rate, size, latency and dropped frames of image streams")
    .argument("<streams...>", "streams to pull, separated by spaces; names are literal, as in push commands")
    .option("--save <directory>", "write each image to a file named by its entry id")
    .action(async (streams: readonly string[], flags: PullFlags & { readonly save?: string }) => {
      const report = createImageReport(() => Date.now());
      const save = flags.save === undefined ? undefined : await createSaver(flags.save, streams.length > 1);
      await pullLoop(io, connect(flags.url, { token: flags.token }), streams, flags, {
        show(entry) {
          report.add(entry);
          return save?.(entry);
        },
        progress: report.progress,
        totals: report.totals,
      });
    });
