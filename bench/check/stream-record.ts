/** Entries that a reader of several streams received of one of them. */
import { FIRST_ID } from "../../src/domain/streams/entry-id.ts";
import { keyOf, type NamedEntry, type ReaderHistory, type Session } from "./history.ts";
import type { Reader, Recording } from "./recorder.ts";

/** The reader as its streams see it. */
export interface RecordedReader {
  settle(): void;
  close(): void;
}

/** One stream of a reader, recorded as a reader of its own. */
export class StreamRecord implements Reader {
  readonly history: ReaderHistory & { readonly sessions: Session[] };
  readonly #reader: RecordedReader;
  last: NamedEntry | undefined;

  constructor(reader: RecordedReader, name: string, stream: string, latest = false) {
    this.history = { name: `${name} of ${stream}`, stream, latest, sessions: [] };
    this.#reader = reader;
  }

  /** The reader continues after a cursor. */
  begin(cursor: string, acknowledged: Recording["acknowledged"]): void {
    const floor = acknowledged.get(this.history.stream) ?? FIRST_ID;
    this.history.sessions.push({ cursor, floor, entries: [] });
  }

  /** The reader received an entry. */
  take(id: string, payload: Uint8Array): void {
    this.takeNamed({ id, key: keyOf(Buffer.from(payload).toString("latin1")) });
  }

  /** The reader received an entry, and has read the key of its payload. */
  takeNamed(entry: NamedEntry): void {
    this.last = entry;
    this.history.sessions.at(-1)?.entries.push(entry);
  }

  settle(): void {
    this.#reader.settle();
  }

  close(): void {
    this.#reader.close();
  }
}
