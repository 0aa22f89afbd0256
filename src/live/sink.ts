/** What a transport hands in: how entries become what it sends, and where that goes. `live` knows no wire format. */
import type { StreamEntries } from "../domain/entry.ts";

/** Makes frames of entries. Pure: the same entries give the same frame, so that readers can share it. */
export interface Encoder<Frame> {
  /** Names the form: encoders with the same form make the same frames. Absent: its frames are not to be shared. */
  readonly form?: string;
  /** @param streams at least one, each with at least one entry; the caller never changes them */
  encode(streams: readonly StreamEntries[]): Frame;
}

/** Memory for what is read for one reader. A lease of the memory budget has this shape. */
export interface Reservation {
  bytes(): number;
  /** Sets what is reserved without asking. */
  set(bytes: number): void;
  /** Reserves more, where there is room. @returns whether it was reserved */
  tryGrow(bytes: number): boolean;
  /** Reserves more, now or later. @param waitMs longest wait, in ms */
  whenRoom(bytes: number, onGrant: (granted: boolean) => void, waitMs: number): void;
  /** Ends the reservation and whatever it waits for. */
  release(): void;
}

/**
 * Where a reader's frames go. It takes whatever is written, and says by `isFull` when it wants no more; the bound of
 * its buffer is its high-water mark and one frame.
 */
export interface Sink<Frame> {
  /** Takes a frame. What is written in one turn of the event loop leaves together. */
  write(frame: Frame): void;
  /** Whether nothing is unsent, so that the memory of what was written is of no more use; absent: not known. */
  isEmpty?(): boolean;
  /** Whether unsent bytes are over the high-water mark. */
  isFull(): boolean;
  /** Calls back once when what is unsent has gone out. Called only while it is full. */
  whenDrained(callback: () => void): void;
}
