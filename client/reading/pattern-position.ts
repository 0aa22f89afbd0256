/**
 * Position of a pull with a pattern: the cursors of its streams, by name. The gateway reports the streams and their cursors
 * when a connection opens, and each stream that joins or leaves. A stream that appears while the client is disconnected is
 * read from its first entry.
 */
import { type EntryId, FIRST_ID } from "../../src/domain/streams/entry-id.ts";
import { formatNamedCursors } from "../../src/domain/streams/named-cursors.ts";
import type { PulledStreamNotice } from "../../src/wire/notices/stream-notice.ts";
import type { Position } from "./cursors.ts";

/** Callbacks for streams that join and leave. */
export interface PatternHandlers {
  readonly onJoined?: ((stream: string) => void) | undefined;
  readonly onLeft?: ((stream: string) => void) | undefined;
}

/** Whether names or a device contain a pattern. */
export const hasPattern = (names: readonly string[], device: string | undefined): boolean =>
  [...names, device ?? ""].some((name) => name.includes("*"));

/** Cursors of the streams of a pattern. */
export class PatternPosition implements Position {
  readonly streams: readonly string[];
  readonly #start: string;
  readonly #handlers: PatternHandlers;
  /** Undefined until the gateway has reported them. */
  #cursors: Map<string, EntryId> | undefined;

  /** @param from one cursor for all streams; one per name, joined by `+`; or an object by name or stream name */
  constructor(
    names: readonly string[],
    from: string | Readonly<Record<string, string>>,
    handlers: PatternHandlers,
  ) {
    this.streams = names;
    this.#handlers = handlers;
    this.#start = typeof from === "string" ? from : startOf(names, from);
  }

  get text(): string {
    return this.#cursors === undefined ? this.#start : formatNamedCursors(this.#cursors);
  }

  /** The gateway resolves `$` and reports the result. */
  async resolve(): Promise<void> {}

  has(stream: string): boolean {
    return this.#cursors?.has(stream) === true;
  }

  advance(stream: string, id: string): void {
    this.#cursors?.set(stream, id as EntryId);
  }

  /** Takes a report of the gateway. */
  take(notice: PulledStreamNotice): void {
    if ("streams" in notice) this.#replace(notice.streams);
    else if ("joined" in notice) this.#join(notice.joined);
    else if ("left" in notice) this.#leave(notice.left);
  }

  #replace(streams: ReadonlyMap<string, string>): void {
    const before = this.#cursors;
    this.#cursors = new Map([...streams].map(([stream, cursor]) => [stream, cursor as EntryId]));
    if (before === undefined) return;
    for (const stream of before.keys()) if (!streams.has(stream)) this.#handlers.onLeft?.(stream);
    for (const stream of streams.keys()) if (!before.has(stream)) this.#handlers.onJoined?.(stream);
  }

  #join(stream: string): void {
    this.#cursors?.set(stream, FIRST_ID);
    this.#handlers.onJoined?.(stream);
  }

  #leave(stream: string): void {
    this.#cursors?.delete(stream);
    this.#handlers.onLeft?.(stream);
  }
}

/** Streams that the object does not name start at `$`. */
function startOf(names: readonly string[], from: Readonly<Record<string, string>>): string {
  const named = Object.entries(from)
    .filter(([stream]) => !names.includes(stream))
    .map(([stream, cursor]) => `${encodeURIComponent(stream)}=${cursor}`);
  return [...named, ...names.map((name) => from[name] ?? "$")].join("+");
}
