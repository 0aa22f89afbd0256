/** Interfaces that a transport implements for its subscriptions: encoder, memory and sink. `live` knows no wire format. */
import type { StreamEntries } from "../domain/streams/entry.ts";

/** Encodes entries as frames. Pure: the same entries give the same frame, so that readers can share it. */
export interface Encoder<Frame> {
  /** Encoders with the same form produce the same frames. If absent, frames are not shared. */
  readonly form?: string | undefined;
  /** @param streams at least one, each with at least one entry; the caller never changes them */
  encode(streams: readonly StreamEntries[]): Frame;
  /**
   * Returns the maximum number of entries in one frame, for an encoder that adds many bytes to each entry. Absent: any number.
   * Such an encoder has no form, and no steps.
   */
  maxFrameEntries?(): number;
  /** Returns the size of a frame. Absent if frames refer to the entries, so that these remain in memory with them. */
  bytesOf?(frame: Frame): number;
  /**
   * Encodes in steps, with the same result. Returns undefined if `encode` is fast enough. Absent if it always is.
   */
  encodeSteps?(streams: readonly StreamEntries[]): Generator<void, Frame> | undefined;
}

/** Memory reservation of one reader. A lease of the memory budget implements it. */
export interface Reservation {
  bytes(): number;
  /** Sets the reserved size without checking the budget. */
  set(bytes: number): void;
  /** Reserves more if the budget allows it. @returns whether it was reserved */
  tryGrow(bytes: number): boolean;
  /** Reserves more, now or when memory becomes available. @param waitMs maximum wait, in ms */
  whenRoom(bytes: number, onGrant: (granted: boolean) => void, waitMs: number): void;
  /** Whether other readers wait for memory; absent: never. */
  isShort?(): boolean;
  /** Ends the reservation and cancels a pending one. */
  release(): void;
}

/**
 * Output of a reader's frames. It accepts every frame and reports with `isFull` that the writer must stop. Its buffer is
 * bounded by the high-water mark plus one frame.
 */
export interface Sink<Frame> {
  /** Writes a frame. Frames written in one event-loop turn are sent in one write. */
  write(frame: Frame): void;
  /** Returns whether all frames are sent, so that their memory is free; absent if unknown. */
  isEmpty?(): boolean;
  /** Returns whether the unsent bytes exceed the high-water mark. */
  isFull(): boolean;
  /** Calls back once when all bytes are sent. Called only while the sink is full. */
  whenDrained(callback: () => void): void;
}
