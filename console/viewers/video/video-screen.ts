/** Screen of a video: decodes the frames of a stream and draws the newest picture. */
import type { PulledEntry } from "../../../client/browser.ts";
import { countText } from "../../page/format.ts";
import { saveFile } from "../../page/save-file.ts";
import { DrawnPictures } from "../picture/drawn-pictures.ts";
import type { DrawnEvent, PictureScreen } from "../picture/picture-screen.ts";
import { MAX_PIXELS } from "../picture/picture-size.ts";
import type { VideoCodec } from "./access-unit.ts";
import { FrameDecoder } from "./frame-decoder.ts";

/** Browsers offer WebCodecs only to pages that are loaded over HTTPS, or from this computer. */
const NO_DECODER = "video needs a page over HTTPS, or from localhost, and a browser with WebCodecs";

/** Returns the codec of an entry; undefined if the stream declares none that is known. */
type CodecOf = (entry: PulledEntry) => VideoCodec | undefined;

/** Draws the pictures of a video into a canvas. */
export class VideoScreen implements PictureScreen {
  readonly canvas = document.createElement("canvas");
  readonly #context = this.canvas.getContext("2d", { alpha: false });
  readonly #decoder: FrameDecoder;
  readonly #drawnEvent: DrawnEvent;
  readonly #codecOf: CodecOf;
  #problem = "";
  #shown: PulledEntry | undefined;
  readonly #drawn = new DrawnPictures();

  constructor(drawn: DrawnEvent, codecOf: CodecOf) {
    this.#drawnEvent = drawn;
    this.#codecOf = codecOf;
    this.#decoder = new FrameDecoder({
      picture: (picture, entry) => this.#draw(picture, entry),
      problem: (text) => {
        this.#problem = text;
      },
    });
  }

  /** Shows the newest of these entries. */
  show(entries: readonly PulledEntry[]): void {
    const newest = entries.at(-1);
    const codec = newest && this.#codecOf(newest);
    if (typeof VideoDecoder === "undefined") this.#problem = NO_DECODER;
    else if (codec !== undefined) this.#decoder.show(codec, entries);
    else if (newest !== undefined) this.#problem = "the stream declares neither video/h264 nor video/h265";
  }

  /** Describes size, frame rate, latency, and frames that were left out. @param isLive whether a latency is meaningful */
  describe(isLive: boolean): string {
    const { skipped } = this.#decoder;
    const size = this.#shown === undefined ? "" : `${this.canvas.width} × ${this.canvas.height}`;
    return this.#drawn.describe(this.#problem || size, isLive, skipped === 0 ? undefined : skipped);
  }

  /** Saves the shown picture as PNG. */
  save(name: string): void {
    const entry = this.#shown;
    if (entry === undefined) return;
    this.canvas.toBlob((picture) => {
      if (picture !== null) saveFile(picture, `${name} ${entry.id}.png`);
    });
  }

  stop(): void {
    this.#decoder.stop();
  }

  #draw(picture: VideoFrame, entry: PulledEntry): void {
    const { displayWidth: width, displayHeight: height } = picture;
    if (width * height > MAX_PIXELS)
      this.#problem = `entry ${entry.id} has ${countText(width)} × ${countText(height)} pixels, which is too large`;
    else {
      if (this.canvas.width !== width || this.canvas.height !== height) {
        this.canvas.width = width;
        this.canvas.height = height;
      }
      this.#context?.drawImage(picture, 0, 0, width, height);
      this.#problem = "";
      this.#shown = entry;
      this.#drawn.add(entry.timeMs);
      this.#drawnEvent(entry, { width, height });
    }
    picture.close();
  }
}
