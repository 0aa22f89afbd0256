/** Memory of the message that a WebSocket is receiving. Reading pauses while the memory budget is used up. */
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import { reservationOf, type Upload, type Uploads } from "../../../access/limits/upload-memory.ts";

/** Reactions of the socket. */
export interface MessageMemoryHandlers {
  /** Stops reading. Data that was already read still arrives. */
  wait(): void;
  goOn(): void;
  /** Whether the socket is not read, for any reason. */
  isPaused(): boolean;
  /** Called if no memory became free in time, or the message stalled while others waited for memory. */
  reject(): void;
}

/** Size of a memory request (bytes) that is larger than what is left of a frame. */
const STEP_BYTES = 256 * 1024;
/** A message of many small frames reserves this many times its size in advance, which bounds the number of its requests. */
const IN_ADVANCE = 7;

/**
 * Returns the bytes to reserve besides those that were received. A small message must remain a small item of the memory
 * budget: small items have a reserve, which large messages of other clients cannot use up.
 */
const reservationFor = (bytes: number, announced: number): number =>
  announced > bytes ? reservationOf(bytes, announced, STEP_BYTES) : Math.min(STEP_BYTES, bytes * IN_ADVANCE);

/** Memory account of one socket. */
export class MessageMemory {
  readonly #open: () => MemoryLease;
  readonly #uploads: Uploads;
  readonly #handlers: MessageMemoryHandlers;
  #lease: MemoryLease | undefined;
  /** The message as an upload; its bytes are 0 between messages. */
  #upload: Upload | undefined;
  #received = 0;
  #isWaiting = false;
  #isReleased = false;

  /** @param open opens a lease; called at the first large message */
  constructor(open: () => MemoryLease, uploads: Uploads, handlers: MessageMemoryHandlers) {
    this.#open = open;
    this.#uploads = uploads;
    this.#handlers = handlers;
  }

  /**
   * Sets the number of received bytes of the message; 0 when it has been handled.
   *
   * @param announced size of the message at the end of the current frame
   */
  readonly hold = (bytes: number, announced: number): void => {
    if (this.#isReleased) return;
    if (bytes === 0) {
      this.#end();
      return;
    }
    const lease = this.#lease ?? this.#open();
    this.#lease = lease;
    const isNew = this.#received === 0;
    this.#received = bytes;
    if (isNew) this.#uploads.watch(this.#watched());
    const missing = bytes - lease.bytes();
    if (missing <= 0) return;
    const next = reservationFor(bytes, announced);
    if (!this.#isWaiting && lease.tryGrow(missing + next)) return;
    // The bytes are in memory already, so they count even over the budget.
    lease.set(bytes);
    if (!this.#isWaiting) this.#waitFor(lease, next);
  };

  release(): void {
    this.#isReleased = true;
    this.#forget();
    this.#lease?.release();
  }

  #waitFor(lease: MemoryLease, bytes: number): void {
    const { wait, goOn, reject } = this.#handlers;
    this.#isWaiting = true;
    wait();
    lease.whenRoom(bytes, (granted) => {
      this.#isWaiting = false;
      if (granted) goOn();
      else reject();
    });
  }

  #watched(): Upload {
    const { isPaused, reject } = this.#handlers;
    this.#upload ??= {
      receivedBytes: () => this.#received,
      reservedBytes: () => this.#lease?.bytes() ?? 0,
      isPaused,
      end: reject,
    };
    return this.#upload;
  }

  #forget(): void {
    this.#received = 0;
    if (this.#upload !== undefined) this.#uploads.forget(this.#upload);
  }

  #end(): void {
    this.#forget();
    if (!this.#isWaiting) {
      this.#lease?.set(0);
      return;
    }
    // The rest of the message was already read or is discarded, so it needs no memory.
    this.#isWaiting = false;
    this.#lease?.release();
    this.#lease = undefined;
    this.#handlers.goOn();
  }
}
