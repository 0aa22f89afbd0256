/** `push-image`: pushes a moving test picture to a stream as JPEG frames. */
import type { CommandRow } from "../command.ts";
import { frameFields } from "../images/frame-numbers.ts";
import { createJpegEncoder } from "../images/jpeg.ts";
import { createPicture } from "../images/picture.ts";
import { parseShape, type Shape } from "../images/shape.ts";
import { pushLoop } from "../loops/push-loop.ts";
import { PUSH_ARGUMENTS, type PushFlags, pushOptions } from "../loops/push-options.ts";

const DEFAULT_SHAPE = "[700,700,3]";
const DEFAULT_FPS = 30;

/** The command. */
export const pushImage: CommandRow = {
  name: "push-image",
  aliases: ["push_image"],
  group: "Samples",
  summary: "push a moving test picture as JPEG images",
  arguments: PUSH_ARGUMENTS,
  options: [
    ...pushOptions(DEFAULT_FPS),
    {
      flags: "--shape <shape>",
      doc: "[height,width] for greyscale, or [height,width,channels]",
      parse: parseShape,
      fallback: parseShape(DEFAULT_SHAPE),
      fallbackText: DEFAULT_SHAPE,
    },
  ],
  async run(io, [stream]: [string], flags: PushFlags & { readonly shape: Shape }) {
    const encode = await createJpegEncoder(flags.shape);
    const picture = createPicture(flags.shape, Math.random);
    const run = crypto.randomUUID();
    await pushLoop(io, stream, flags, async (n) => ({
      data: await encode(picture.draw(n)),
      options: { fields: frameFields(run, n) },
    }));
  },
};
