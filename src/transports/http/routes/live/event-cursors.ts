/**
 * Cursors of several streams as the id of an event. A client sends the id back in a header, so it must fit in a request
 * head. Each event has all cursors, so long ones would also multiply the bytes of a response.
 */
import { badParameter } from "../../../../domain/errors.ts";
import type { EntryId } from "../../../../domain/streams/entry-id.ts";
import type { SubscribedStream } from "../../../../live/stream-state.ts";

/** Part of `MAX_HEADER_BYTES` that an id may fill. The rest is for the URL and the other headers. */
const PART_OF_HEAD = 0.75;

/** Options of the cursors. */
export interface EventCursorsOptions {
  /** Whether the cursors have the names of their streams, as those of a pattern. */
  readonly isNamed: boolean;
  /** `MAX_HEADER_BYTES` */
  readonly maxHeaderBytes: number;
}

interface NamedCursor {
  /** Text before the cursor. */
  readonly prefix: string;
  cursor: EntryId;
}

/** Cursors of the streams of one response. */
export class EventCursors {
  readonly #options: EventCursorsOptions;
  /** By stream name. */
  readonly #cursors = new Map<string, NamedCursor>();
  #bytes = 0;

  /** @throws GatewayError BAD_PARAMETER if the id is too long */
  constructor(streams: readonly SubscribedStream[], options: EventCursorsOptions) {
    this.#options = options;
    // Checked at each stream, so that a request that is rejected costs no more than one that is not.
    for (const { name, cursor } of streams) {
      this.#put(name, cursor);
      this.#check(streams.length);
    }
  }

  /** The id of an event after which a client resumes without missing an entry. */
  get text(): string {
    const { isNamed } = this.#options;
    let text = "";
    for (const { prefix, cursor } of this.#cursors.values()) text += `${prefix}${cursor}+`;
    return isNamed ? `${text}0` : text.slice(0, -1);
  }

  /** Size of the id. */
  get bytes(): number {
    return this.#bytes + 1;
  }

  /** Moves the cursor of a stream. @throws GatewayError BAD_PARAMETER if the id is too long */
  set(stream: string, id: EntryId): void {
    this.#put(stream, id);
    this.#check(this.#cursors.size);
  }

  /** Removes a stream. */
  delete(stream: string): void {
    const known = this.#cursors.get(stream);
    if (known === undefined) return;
    this.#bytes -= known.prefix.length + known.cursor.length + 1;
    this.#cursors.delete(stream);
  }

  #put(stream: string, id: EntryId): void {
    const known = this.#cursors.get(stream);
    if (known !== undefined) {
      this.#bytes += id.length - known.cursor.length;
      known.cursor = id;
      return;
    }
    const prefix = this.#options.isNamed ? `${encodeURIComponent(stream)}=` : "";
    this.#cursors.set(stream, { prefix, cursor: id });
    this.#bytes += prefix.length + id.length + 1;
  }

  /** @param streams number of streams of the response */
  #check(streams: number): void {
    const limit = Math.floor(PART_OF_HEAD * this.#options.maxHeaderBytes);
    if (this.bytes <= limit) return;
    throw badParameter(
      "stream_id",
      `selects ${streams} streams: the cursors of ${this.#cursors.size} of them make an event id of ${this.bytes} bytes, and at most ${limit} are allowed (3/4 of MAX_HEADER_BYTES); use a narrower pattern, fewer or shorter names, or pull over a WebSocket`,
    );
  }
}
