/**
 * Frames of a playback. The cursors move when a frame is written, so that a frame that is dropped while it is encoded has no
 * effect: its entries are read again.
 */
import { bytesOf, type StreamEntries } from "../../domain/streams/entry.ts";
import { compareIds, type EntryId, FIRST_ID, idBefore } from "../../domain/streams/entry-id.ts";
import { firstPast } from "../batch.ts";
import type { DeliveryContext } from "../delivery.ts";
import { LongFrame } from "../long-frame.ts";
import type { Run } from "./ahead/merge.ts";
import type { PlayedStream } from "./ahead/source.ts";

/** Entries of a frame, in order. */
export type Runs = readonly Run<PlayedStream>[];

/** Receives the outcomes of frames. */
export interface FrameSenderHooks {
  /** The cursors have moved past the entries of a frame, which is written next. */
  readonly onSending: (runs: Runs) => void;
  /** A frame that was encoded in slices is written or dropped. Called in a later event-loop turn than `send`. */
  readonly onEncoded: (isWritten: boolean) => void;
}

/** Encodes and writes frames, one at a time. */
export class FrameSender<Frame> {
  readonly #context: DeliveryContext<Frame>;
  readonly #hooks: FrameSenderHooks;
  readonly #longFrame: LongFrame<Frame>;
  #isDenied = false;

  constructor(context: DeliveryContext<Frame>, hooks: FrameSenderHooks) {
    this.#context = context;
    this.#hooks = hooks;
    this.#longFrame = new LongFrame(context);
  }

  /** Whether a frame is being encoded in slices. No other may be sent meanwhile. */
  get isEncoding(): boolean {
    return this.#longFrame.isEncoding;
  }

  /** Whether there was no memory for the last frame. */
  get isDenied(): boolean {
    return this.#isDenied;
  }

  /** Drops the frame that is being encoded. */
  cancel(): void {
    this.#longFrame.cancel();
  }

  /**
   * Writes entries as a frame, or begins to encode it.
   *
   * @param written called after the last frame is written
   * @returns false without memory to encode the frame, or if the sink is full before the last one: the entries must be read again
   */
  send(runs: Runs, written?: () => void): boolean {
    const size = this.#context.encoder.maxFrameEntries?.();
    if (size === undefined) return this.#sendFrame(runs, written);
    const frames = [...framesOf(runs, size)];
    for (const [i, frame] of frames.entries()) {
      if (i > 0 && this.#context.isHalted()) return false;
      this.#sendFrame(frame, i === frames.length - 1 ? written : undefined);
    }
    return true;
  }

  #sendFrame(runs: Runs, written?: () => void): boolean {
    const { encoder, entryFrames } = this.#context;
    const streams: StreamEntries[] = runs.map(({ stream, entries }) => ({
      stream: stream.state.name,
      entries,
    }));
    const encoding = entryFrames.encodeUnshared(encoder, streams, this.#isNeeded);
    if ("inSlices" in encoding) return this.#sendLater(runs, encoding.inSlices, written);
    this.#write(runs, encoding.frame);
    written?.();
    return true;
  }

  /** Whether the frame that is being encoded is still to be written. */
  readonly #isNeeded = (): boolean => this.#longFrame.isNeeded();

  #sendLater(runs: Runs, inSlices: () => Promise<Frame | undefined>, written?: () => void): boolean {
    const bytes = runs.reduce((sum, { entries }) => sum + bytesOf(entries), 0);
    this.#isDenied = !this.#longFrame.encode(bytes, inSlices, (encoded) => {
      if (encoded !== undefined) {
        this.#write(runs, encoded);
        written?.();
      }
      this.#hooks.onEncoded(encoded !== undefined);
    });
    return !this.#isDenied;
  }

  #write(runs: Runs, frame: Frame): void {
    this.#isDenied = false;
    for (const run of runs) this.#account(run);
    this.#hooks.onSending(runs);
    this.#context.write(frame);
  }

  /** Moves the cursor of a stream past entries that are about to be written. */
  #account({ stream, entries }: Run<PlayedStream>): void {
    const { state, gapBefore } = stream;
    const last = entries.at(-1);
    if (last === undefined) return;
    if (gapBefore !== undefined && compareIds(gapBefore, last.id) <= 0) {
      stream.gapBefore = undefined;
      const before = entries[firstPast(entries, cursorBefore(gapBefore)) - 1];
      if (before !== undefined) state.cursor = before.id;
      this.#context.gaps.report(state, gapBefore);
    }
    state.cursor = last.id;
    state.counters.entriesOut += entries.length;
    state.counters.bytesOut += bytesOf(entries);
  }
}

/** Divides entries into frames of at most `size` entries. */
function* framesOf(runs: Runs, size: number): Generator<Runs> {
  let frame: Run<PlayedStream>[] = [];
  let room = size;
  for (const { stream, entries } of runs)
    for (let from = 0; from < entries.length; ) {
      const part = entries.slice(from, from + room);
      frame.push({ stream, entries: part });
      from += part.length;
      room -= part.length;
      if (room > 0) continue;
      yield frame;
      frame = [];
      room = size;
    }
  if (frame.length > 0) yield frame;
}

/** The cursor right before an id. */
export const cursorBefore = (id: EntryId): EntryId => idBefore(id) ?? FIRST_ID;
