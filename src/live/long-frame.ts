/** Encodes one long frame of a subscription at a time, in slices. The frame is dropped if it must not be written any more. */
import type { DeliveryContext } from "./delivery.ts";

/** Memory of a frame while it is encoded, per byte of its entries: the entries, and their copy in the frame. */
const COPIES = 3;

/** The long frame of a subscription. */
export class LongFrame<Frame> {
  readonly #context: Pick<DeliveryContext<Frame>, "isHalted" | "onError" | "reserve" | "unreserve">;
  #isEncoding = false;
  #isCancelled = false;

  constructor(context: Pick<DeliveryContext<Frame>, "isHalted" | "onError" | "reserve" | "unreserve">) {
    this.#context = context;
  }

  /** Whether a frame is being encoded. No other may be sent meanwhile. */
  get isEncoding(): boolean {
    return this.#isEncoding;
  }

  /** Whether the frame is still to be written. */
  isNeeded(): boolean {
    return !this.#isCancelled && !this.#context.isHalted();
  }

  /** Drops the frame that is being encoded. */
  cancel(): void {
    this.#isCancelled = true;
  }

  /**
   * Begins to encode a frame.
   *
   * @param entryBytes bytes of its entries
   * @param onEncoded receives the frame; undefined if it was dropped
   * @returns false without memory to encode it
   */
  encode(
    entryBytes: number,
    inSlices: () => Promise<Frame | undefined>,
    onEncoded: (frame: Frame | undefined) => void,
  ): boolean {
    const bytes = COPIES * entryBytes;
    if (!this.#context.reserve(bytes)) return false;
    this.#isEncoding = true;
    this.#isCancelled = false;
    const ended = () => {
      this.#isEncoding = false;
      this.#context.unreserve(bytes);
    };
    const fail = (error: unknown) => this.#context.onError(error);
    inSlices()
      .then(
        (frame) => {
          ended();
          onEncoded(this.isNeeded() ? frame : undefined);
        },
        (error) => {
          ended();
          fail(error);
        },
      )
      .catch(fail);
    return true;
  }
}
