/** Screen of a video: decodes the frames of a stream and draws the newest picture. */
import type { PulledEntry } from "../../../client/browser.ts";
import { countText } from "../../page/format.ts";
import { saveFile } from "../../page/save-file.ts";
import { DrawnPictures } from "../drawn-pictures.ts";
import { MAX_PIXELS } from "../image/image-size.ts";
import type { VideoCodec } from "./access-unit.ts";
import { FrameDecoder } from "./frame-decoder.ts";

/** Browsers offer WebCodecs only to pages that are loaded over HTTPS, or from this computer. */
const NO_DECODER = "video needs a page over HTTPS, or from localhost, and a browser with WebCodecs";

/** Draws into a canvas. */
export class VideoScreen {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D | null;
  readonly #decoder: FrameDecoder;
  #problem = "";
  #shown: PulledEntry | undefined;
  readonly #drawn = new DrawnPictures();

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#decoder = new FrameDecoder({
      picture: (picture, entry) => this.#draw(picture, entry),
      problem: (text) => {
        this.#problem = text;
      },
    });
  }

  /** Shows the newest of these entries. @param codec undefined if the stream declares none that is known */
  show(codec: VideoCodec | undefined, entries: readonly PulledEntry[]): void {
    // A picture of another moment would look like one of this moment.
    this.#canvas.hidden = entries.length === 0;
    if (typeof VideoDecoder === "undefined") this.#problem = NO_DECODER;
    else if (codec === undefined) this.#problem = "the stream declares neither video/h264 nor video/h265";
    else this.#decoder.show(codec, entries);
  }

  /** Describes size, frame rate, latency, and frames that were left out. @param isLive whether a latency is meaningful */
  describe(isLive: boolean): string {
    const { skipped } = this.#decoder;
    const size = this.#shown === undefined ? "" : `${this.#canvas.width} × ${this.#canvas.height}`;
    return this.#drawn.describe(this.#problem || size, isLive, skipped === 0 ? undefined : skipped);
  }

  /** Saves the shown picture as PNG. */
  save(name: string): void {
    const entry = this.#shown;
    if (entry === undefined) return;
    this.#canvas.toBlob((picture) => {
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
      if (this.#canvas.width !== width || this.#canvas.height !== height) {
        this.#canvas.width = width;
        this.#canvas.height = height;
      }
      this.#context?.drawImage(picture, 0, 0, width, height);
      this.#problem = "";
      this.#shown = entry;
      this.#drawn.add(entry.timeMs);
    }
    picture.close();
  }
}
