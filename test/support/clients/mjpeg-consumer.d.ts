/** The part of npm's mjpeg-consumer that the tests use; the package has no types. */
declare module "mjpeg-consumer" {
  import type { Transform } from "node:stream";

  /** Takes the body of a response and emits its pictures. */
  const MjpegConsumer: new () => Transform;
  export = MjpegConsumer;
}
