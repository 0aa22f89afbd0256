/** Entries that a reader of several streams received of one of them. */
import { FIRST_ID } from "../../../src/domain/streams/entry-id.ts";
import { type Reader, type Recording, receive } from "../clients/recorder.ts";
import { keyOf, type NamedEntry, type ReaderHistory, type Session } from "./history.ts";

/** The reader as its streams see it. */
export interface RecordedReader {
  settle(): void;
  close(): void;
}

/** One stream of a reader, recorded as a reader of its own. */
export class StreamRecord implements Reader {
  readonly history: ReaderHistory & { readonly sessions: Session[] };
  readonly #reader: RecordedReader;
  #now: Recording["now"] = () => 0;
  last: NamedEntry | undefined;

  constructor(reader: RecordedReader, name: string, stream: string, latest = false) {
    this.history = { name: `${name} of ${stream}`, stream, latest, sessions: [] };
    this.#reader = reader;
  }

  /** The reader continues after a cursor. @param port port of the gateway; 0 if unknown */
  begin(cursor: string, port: number, { acknowledged, now }: Recording): void {
    this.#now = now;
    const floor = acknowledged.get(this.history.stream) ?? FIRST_ID;
    this.history.sessions.push({ cursor, floor, entries: [], connected: { port, openedMs: now() } });
  }

  /** The reader received an entry. */
  take(id: string, payload: Uint8Array): void {
    this.takeNamed({ id, key: keyOf(Buffer.from(payload).toString("latin1")) });
  }

  /** The reader received an entry, and has read the key of its payload. */
  takeNamed(entry: NamedEntry): void {
    this.last = entry;
    receive(this.history.sessions.at(-1), entry, this.#now());
  }

  settle(): void {
    this.#reader.settle();
  }

  close(): void {
    this.#reader.close();
  }
}
