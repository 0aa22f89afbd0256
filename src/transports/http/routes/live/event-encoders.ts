/** Encoders of entries as server-sent events: for one stream, for several, and for the streams of a pattern. */
import type { Entry, StreamEntries } from "../../../../domain/streams/entry.ts";
import type { EntryId } from "../../../../domain/streams/entry-id.ts";
import { formatNamedCursors } from "../../../../domain/streams/named-cursors.ts";
import type { Encoder } from "../../../../live/sink.ts";
import type { SubscribedStream } from "../../../../live/stream-state.ts";
import { EVENT_FORMATS, type EventFormat } from "../../../../wire/formats.ts";
import { encodeSse, eventNameOf } from "../../../../wire/sse.ts";
import { bytesOfChunks, type Chunks, textChunks } from "../../../response/memory/chunks.ts";

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
export function severalEncoder(form: EventFormat, streams: readonly SubscribedStream[]): Encoder<Chunks> {
  const cursors = new Map(streams.map(({ name, cursor }) => [name, cursor]));
  return encoderWithIds(form, cursors, () => [...cursors.values()].join("+"));
}

/** Encoder of the streams of a pattern. Its event ids contain all cursors with the names of their streams. */
export class PatternEncoder implements Encoder<Chunks> {
  readonly #cursors: Map<string, EntryId>;
  readonly encode: Encoder<Chunks>["encode"];

  constructor(form: EventFormat, streams: readonly SubscribedStream[]) {
    this.#cursors = new Map(streams.map(({ name, cursor }) => [name, cursor]));
    this.encode = encoderWithIds(form, this.#cursors, () => this.lastEventId).encode;
  }

  /** The id of an event after which a client resumes without missing an entry. */
  get lastEventId(): string {
    return formatNamedCursors(this.#cursors);
  }

  /** Encodes the event of a stream that joined. */
  joined(stream: string): Chunks {
    return streamEvent("joined", stream, this.lastEventId);
  }

  /** Encodes the event of a stream that left. A later stream of that name is read from its first entry. */
  left(stream: string): Chunks {
    this.#cursors.delete(stream);
    return streamEvent("left", stream, this.lastEventId);
  }
}

const streamEvent = (event: string, stream: string, id: string): Chunks =>
  textChunks(encodeSse({ id, event, data: JSON.stringify({ stream_id: stream }) }));

/** @param cursors updated by each entry @param idOf returns the id of an event, after the update */
function encoderWithIds(
  form: EventFormat,
  cursors: Map<string, EntryId>,
  idOf: () => string,
): Encoder<Chunks> {
  return {
    encode: (streams) =>
      eventsOf(streams, (stream, entry) => {
        cursors.set(stream, entry.id);
        return encodeSse({
          id: idOf(),
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
