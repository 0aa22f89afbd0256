/** Encoders of entries as server-sent events: for one stream, for several, and for the streams of a pattern. */
import type { Entry, StreamEntries } from "../../../../domain/streams/entry.ts";
import type { Encoder } from "../../../../live/sink.ts";
import { EVENT_FORMATS, type EventFormat } from "../../../../wire/formats.ts";
import { encodeSse, eventNameOf } from "../../../../wire/sse.ts";
import { bytesOfChunks, type Chunks, textChunks } from "../../../response/memory/chunks.ts";
import type { EventCursors } from "./event-cursors.ts";

/** Bytes of event ids in one frame. Above it, the entries are divided into several frames. */
const FRAME_ID_BYTES = 64 * 1024;

/** Creates the encoder of one stream. */
export function singleEncoder(form: EventFormat): Encoder<Chunks> {
  return {
    form: `sse ${form}`,
    bytesOf: bytesOfChunks,
    encode: (streams) =>
      eventsOf(streams, (stream, entry) =>
        encodeSse({ id: entry.id, data: EVENT_FORMATS[form](stream, entry) }),
      ),
  };
}

/**
 * Creates the encoder of several streams. Their event ids contain all of their cursors, so events cannot be shared by
 * connections.
 */
export function severalEncoder(form: EventFormat, cursors: EventCursors): Encoder<Chunks> {
  return encoderWithIds(form, cursors);
}

/** Encoder of the streams of a pattern. Its event ids contain all cursors with the names of their streams. */
export class PatternEncoder implements Encoder<Chunks> {
  readonly #cursors: EventCursors;
  readonly encode: Encoder<Chunks>["encode"];
  readonly maxFrameEntries: () => number;

  constructor(form: EventFormat, cursors: EventCursors) {
    this.#cursors = cursors;
    const { encode, maxFrameEntries } = encoderWithIds(form, cursors);
    this.encode = encode;
    this.maxFrameEntries = maxFrameEntries;
  }

  /** Encodes the event of a stream that joined. @param isFull whether the client has no room for an id, which can be long */
  joined(stream: string, isFull: boolean): Chunks {
    return this.#streamEvent("joined", stream, isFull);
  }

  /**
   * Encodes the event of a stream that left. A later stream of that name is read from its first entry.
   *
   * @param isFull as in `joined`; the next event with an id has all changes
   */
  left(stream: string, isFull: boolean): Chunks {
    this.#cursors.delete(stream);
    return this.#streamEvent("left", stream, isFull);
  }

  #streamEvent(event: string, stream: string, isFull: boolean): Chunks {
    const data = JSON.stringify({ stream_id: stream });
    return textChunks(encodeSse({ event, data, ...(!isFull && { id: this.#cursors.text }) }));
  }
}

function encoderWithIds(form: EventFormat, cursors: EventCursors) {
  return {
    maxFrameEntries: () => Math.max(1, Math.floor(FRAME_ID_BYTES / cursors.bytes)),
    encode: (streams: readonly StreamEntries[]) =>
      eventsOf(streams, (stream, entry) => {
        cursors.set(stream, entry.id);
        return encodeSse({
          id: cursors.text,
          event: eventNameOf(stream),
          data: EVENT_FORMATS[form](stream, entry),
        });
      }),
  };
}

function eventsOf(
  streams: readonly StreamEntries[],
  eventOf: (stream: string, entry: Entry) => string,
): Chunks {
  return textChunks(
    streams.flatMap(({ stream, entries }) => entries.map((entry) => eventOf(stream, entry))).join(""),
  );
}
