/**
 * Decoder of the frames of a stream. It begins at a key frame. After a gap, an error or a backlog it waits for the next one,
 * because the frames between change a picture that is not known.
 */
import type { PulledEntry } from "../../../client/browser.ts";
import { entriesAfter } from "../content.ts";
import { inspectFrame, type VideoCodec } from "./access-unit.ts";

/** Receives the pictures. */
export interface DecoderEvents {
  /** A picture of an entry. The receiver closes it. */
  picture(picture: VideoFrame, entry: PulledEntry): void;
  /** Reports the reason for a missing picture. */
  problem(text: string): void;
}

/** Maximum number of frames that wait for the decoder. Beyond that, frames are left out up to the next key frame. */
const MAX_WAITING = 60;
const MICROSECONDS = 1000;

/** Decodes the frames of one stream. */
export class FrameDecoder {
  readonly #events: DecoderEvents;
  #decoder: VideoDecoder | undefined;
  /** Codec string of the decoder. */
  #codecText = "";
  #codec: VideoCodec = "h264";
  #entries: readonly PulledEntry[] = [];
  /** The newest entry that was given to the decoder, or left out. */
  #last: PulledEntry | undefined;
  /** Key frame at which decoding began again after an error. */
  #retriedAt: PulledEntry | undefined;
  #needsKey = true;
  #skipped = 0;
  /** Frames that the decoder has, by timestamp. */
  readonly #decoding = new Map<number, PulledEntry>();
  #number = 0;

  constructor(events: DecoderEvents) {
    this.#events = events;
  }

  /** Frames that were left out. */
  get skipped(): number {
    return this.#skipped;
  }

  /**
   * Shows the newest of these entries. If they continue the entries before, the frames between are decoded; else decoding begins
   * at the last key frame.
   */
  show(codec: VideoCodec, entries: readonly PulledEntry[]): void {
    this.#codec = codec;
    this.#entries = entries;
    const newest = entries.at(-1);
    if (newest === undefined || newest === this.#last) return;
    if (this.#last === undefined || !entries.includes(this.#last)) this.#showFrom(this.#lastKey());
    else {
      const frames = entriesAfter(entries, this.#last);
      this.#last = newest;
      for (const entry of frames) this.#decode(entry);
    }
  }

  stop(): void {
    this.#restart();
  }

  /** Index of the last key frame; -1 if there is none. */
  #lastKey(): number {
    return this.#entries.findLastIndex(({ data }) => inspectFrame(this.#codec, data).isKey);
  }

  #showFrom(index: number): void {
    this.#restart();
    this.#last = this.#entries.at(-1);
    for (const entry of this.#entries.slice(Math.max(0, index))) this.#decode(entry);
  }

  /** Begins again at the last key frame, because later frames may have been given to the decoder that failed. */
  #retry(): void {
    const index = this.#lastKey();
    const key = this.#entries[index];
    if (key === undefined || key === this.#retriedAt) return;
    this.#retriedAt = key;
    this.#showFrom(index);
  }

  #decode(entry: PulledEntry): void {
    const { isKey, codec: codecText } = inspectFrame(this.#codec, entry.data);
    if (entry.gap) this.#needsKey = true;
    if (this.#decoding.size >= MAX_WAITING) {
      this.#skipped += this.#decoding.size;
      this.#restart();
    }
    if (this.#needsKey && !isKey) {
      this.#skipped++;
      this.#events.problem("waiting for a key frame");
      return;
    }
    const decoder = this.#decoderFor(codecText, isKey);
    if (decoder === undefined) {
      this.#skipped++;
      return;
    }
    this.#needsKey = false;
    // Times of entries may be equal; the decoder must tell frames apart.
    const timestamp = ++this.#number * MICROSECONDS;
    this.#decoding.set(timestamp, entry);
    decoder.decode(new EncodedVideoChunk({ type: isKey ? "key" : "delta", timestamp, data: entry.bytes() }));
  }

  /** Returns the decoder, which a key frame may configure. */
  #decoderFor(codecText: string | undefined, isKey: boolean): VideoDecoder | undefined {
    if (isKey && codecText === undefined && this.#decoder === undefined)
      this.#events.problem("the key frame has no parameter sets (SPS), so that it cannot be decoded");
    if (!isKey || codecText === undefined || (codecText === this.#codecText && this.#decoder !== undefined))
      return this.#decoder;
    this.#restart();
    const decoder = new VideoDecoder({
      output: (picture) => {
        const entry = this.#decoding.get(picture.timestamp);
        for (const timestamp of this.#decoding.keys())
          if (timestamp <= picture.timestamp) this.#decoding.delete(timestamp);
        if (entry === undefined || this.#decoder !== decoder) picture.close();
        else this.#events.picture(picture, entry);
      },
      error: ({ message }) => {
        if (this.#decoder !== decoder) return;
        this.#decoder = undefined;
        this.#skipped += this.#decoding.size;
        this.#restart();
        this.#events.problem(`this browser cannot decode ${codecText}: ${message}`);
        this.#retry();
      },
    });
    this.#decoder = decoder;
    this.#codecText = codecText;
    decoder.configure({ codec: codecText, optimizeForLatency: true });
    return decoder;
  }

  #restart(): void {
    const decoder = this.#decoder;
    this.#decoder = undefined;
    this.#needsKey = true;
    this.#decoding.clear();
    if (decoder !== undefined && decoder.state !== "closed") decoder.close();
  }
}
