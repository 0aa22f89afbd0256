/** `pull-image`: measures the images of streams, and can save them. */
import type { CommandRow } from "../command.ts";
import { createImageReport } from "../images/image-report.ts";
import { pullLoop } from "../loops/pull-loop.ts";
import { PULL_ARGUMENTS, PULL_OPTIONS, type PullFlags } from "../loops/pull-options.ts";
import { createSaver } from "../output/saver.ts";

/** The command. */
export const pullImage: CommandRow = {
  name: "pull-image",
  aliases: ["pull_image"],
  group: "Samples",
  summary: "show frame rate, size, latency and dropped frames of image streams",
  arguments: PULL_ARGUMENTS,
  options: [
    ...PULL_OPTIONS,
    {
      flags: "--save <directory>",
      doc: "write each image to a file named by its entry id",
      kind: "directory",
    },
  ],
  async run(io, [streams]: [readonly string[]], flags: PullFlags & { readonly save?: string }) {
    const report = createImageReport(() => Date.now());
    const save = flags.save === undefined ? undefined : await createSaver(flags.save, streams.length > 1);
    await pullLoop(io, streams, flags, {
      show(entry) {
        report.add(entry);
        return save?.(entry);
      },
      progress: report.progress,
      totals: report.totals,
    });
  },
};
