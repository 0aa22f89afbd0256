/** `push-image`: pushes a moving test picture to a stream as JPEG frames. */
import { Command, Option } from "commander";
import { connect } from "../../client/index.ts";
import { flagValue, type PushFlags, withPushFlags } from "../flags.ts";
import { frameFields } from "../images/frame-numbers.ts";
import { createJpegEncoder } from "../images/jpeg.ts";
import { createPicture } from "../images/picture.ts";
import { parseShape, type Shape } from "../images/shape.ts";
import { pushLoop } from "../loops/push-loop.ts";
import type { Io } from "../output/io.ts";

const DEFAULT_SHAPE = "[700,700,3]";
const DEFAULT_FPS = 30;

/** Creates the command. */
export const pushImage = (io: Io): Command =>
  withPushFlags(new Command("push-image"), DEFAULT_FPS)
    .alias("push_image")
    .description("push a moving test picture as JPEG images")
    .argument("<stream>", "stream to push to")
    .addOption(
      new Option("--shape <shape>", "[height,width] for greyscale, or [height,width,channels]")
        .argParser(flagValue(parseShape))
        .default(parseShape(DEFAULT_SHAPE), DEFAULT_SHAPE),
    )
    .action(async (stream: string, flags: PushFlags & { readonly shape: Shape }) => {
      const encode = await createJpegEncoder(flags.shape);
      const picture = createPicture(flags.shape, Math.random);
      const run = crypto.randomUUID();
      await pushLoop(io, connect(flags.url, { token: flags.token }), stream, flags, async (n) => ({
        data: await encode(picture.draw(n)),
        options: { fields: frameFields(run, n) },
      }));
    });
