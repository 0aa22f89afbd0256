/** `pull-image`: shows how the pictures of a stream arrive, and saves them where it is asked to. */
import { Command } from "commander";
import { connect } from "../../client/index.ts";
import { type PullFlags, withPullFlags } from "../flags.ts";
import { createImageReport } from "../image-report.ts";
import type { Io } from "../io.ts";
import { pullLoop } from "../pull-loop.ts";
import { createSaver } from "../saver.ts";

/** Makes the command. */
export const pullImage = (io: Io): Command =>
  withPullFlags(new Command("pull-image"))
    .alias("pull_image")
    .description("show frame rate, size, latency and dropped frames of a stream of pictures")
    .argument("<stream>", "stream to pull, or several joined by +")
    .option("--save <directory>", "write each picture to a file named by its entry id")
    .action(async (stream: string, flags: PullFlags & { readonly save?: string }) => {
      const report = createImageReport(() => Date.now());
      const save = flags.save === undefined ? undefined : await createSaver(flags.save, stream.includes("+"));
      await pullLoop(io, connect(flags.url, { token: flags.token }), stream, flags, {
        show(entry) {
          report.note(entry);
          return save?.(entry);
        },
        progress: report.progress,
        totals: report.totals,
      });
    });
