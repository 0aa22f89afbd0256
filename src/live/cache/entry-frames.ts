/**
 * Shared frames of single entries. On-demand delivery mostly sends one entry per frame, and all readers that need the same
 * frame share it. A frame that takes long to encode is encoded in slices, once for all of them.
 */

import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";
import type { Entry, StreamEntries } from "../../domain/streams/entry.ts";
import type { Encoder } from "../sink.ts";
import { frameKeyOf } from "./frame-keys.ts";

/** An encoded frame, or a function that encodes it in slices. Its result is undefined if the frame is no longer needed. */
export type Encoding<Frame> = { readonly frame: Frame } | { inSlices(): Promise<Frame | undefined> };

/** Cached frames of one entry, and the cache key of the frame that a reader needs. */
interface FramesOfEntry {
  readonly frames: Map<string, unknown>;
  readonly key: string;
}

/** Encodes the frames of all readers. */
export class EntryFrames {
  readonly #workSlices: WorkSlices;
  /** By form and stream name; kept as long as the entry is in memory. A promise is a frame being encoded. */
  readonly #frames = new WeakMap<Entry, Map<string, unknown>>();

  constructor(workSlices: WorkSlices) {
    this.#workSlices = workSlices;
  }

  /**
   * Encodes a frame, or returns the shared one.
   *
   * @param isNeeded checked between the slices of a frame that is not shared
   */
  encode<Frame>(
    encoder: Encoder<Frame>,
    streams: readonly StreamEntries[],
    isNeeded: () => boolean,
  ): Encoding<Frame> {
    const shared = this.#framesOf(encoder, streams);
    const known = shared?.frames.get(shared.key) as Frame | Promise<Frame> | undefined;
    if (known instanceof Promise) return { inSlices: () => known };
    if (known !== undefined) return { frame: known };
    if (shared === undefined) return this.encodeUnshared(encoder, streams, isNeeded);
    const steps = encoder.encodeSteps?.(streams);
    if (steps === undefined) {
      const frame = encoder.encode(streams);
      shared.frames.set(shared.key, frame);
      return { frame };
    }
    return {
      inSlices: () => {
        const made = this.#workSlices.run(steps);
        shared.frames.set(shared.key, made);
        made.then(
          (frame) => shared.frames.set(shared.key, frame),
          () => shared.frames.delete(shared.key),
        );
        return made;
      },
    };
  }

  /**
   * Encodes a frame that no other reader needs.
   *
   * @param isNeeded checked between the slices
   */
  encodeUnshared<Frame>(
    encoder: Encoder<Frame>,
    streams: readonly StreamEntries[],
    isNeeded: () => boolean,
  ): Encoding<Frame> {
    const steps = encoder.encodeSteps?.(streams);
    if (steps === undefined) return { frame: encoder.encode(streams) };
    return { inSlices: () => this.#workSlices.runWhileNeeded(steps, isNeeded) };
  }

  /** Returns the cached frames of an entry; undefined if the frame has several entries, or cannot be shared. */
  #framesOf(encoder: Encoder<unknown>, streams: readonly StreamEntries[]): FramesOfEntry | undefined {
    const [stream] = streams;
    const [entry] = stream?.entries ?? [];
    if (encoder.form === undefined || stream === undefined || entry === undefined) return undefined;
    if (streams.length > 1 || stream.entries.length > 1) return undefined;
    const frames = this.#frames.get(entry) ?? new Map<string, unknown>();
    this.#frames.set(entry, frames);
    return { frames, key: frameKeyOf(encoder.form, stream.stream) };
  }
}
