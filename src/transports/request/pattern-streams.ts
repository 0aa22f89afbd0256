/**
 * Streams of a request with a pattern: those that exist and that the client may read, and those that join and leave later.
 * Changes between the listing and the start of the subscription wait until `start`.
 */
import type { Visitor } from "../../access/admission.ts";
import { type Identity, may } from "../../access/identity/authorize.ts";
import { accountName } from "../../access/limits/limits.ts";
import type { GatewayError } from "../../domain/errors.ts";
import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";
import { FIRST_ID } from "../../domain/streams/entry-id.ts";
import type { SubscribedStream } from "../../live/stream-state.ts";
import { type FaultParts, faultOf } from "../../observe/faults.ts";
import type { StreamWatch } from "../../redis/registry/watch/stream-watch.ts";
import type { TransportParts } from "../parts.ts";
import { playedStream, type RequestedPlayback } from "./playback.ts";
import { type RequestedStreams, resolveCursors, type WantedPattern, type WantedStream } from "./streams.ts";

/** Options of a request's streams. */
export interface PatternStreamsOptions {
  readonly requested: RequestedStreams & { readonly pattern: WantedPattern };
  readonly streamWatch: StreamWatch;
  readonly workSlices: WorkSlices;
  /** The client, with the permissions that it has now. */
  readonly identity: Identity;
  /** Maximum number of streams of the request, with those that it names. */
  readonly maxStreams: number;
  readonly observe: FaultParts;
}

/** Receives changes. */
export interface PatternStreamsHooks {
  /** A stream appeared, and is to be read from its first entry. */
  readonly onJoin: (stream: SubscribedStream) => void;
  /** A stream was deleted, or the client may no longer read it. */
  readonly onLeave: (stream: { readonly key: string; readonly name: string }) => void;
  /** A stream appeared and does not join, because there are too many. Called once until one leaves. */
  readonly onLimit?: (name: string) => void;
  /** One of the hooks threw an exception. There are no further reports. Other requests receive theirs. */
  readonly onError: (error: GatewayError) => void;
}

/** The streams of one request. */
export class PatternStreams {
  readonly #options: PatternStreamsOptions;
  #identity: Identity;
  /** Streams that are read because of the pattern, by key. */
  readonly #joined = new Map<string, WantedStream>();
  readonly #named: ReadonlySet<string>;
  #hooks: PatternStreamsHooks | undefined;
  /** Changes before `start`, in order. */
  #waiting: (() => void)[] = [];
  /** Name of a stream that did not join, not reported yet; null if one has been reported. */
  #refused: string | null | undefined;
  #stopWatching: () => void = () => undefined;

  constructor(options: PatternStreamsOptions) {
    this.#options = options;
    this.#identity = options.identity;
    this.#named = new Set(options.requested.named.map(({ key }) => key));
  }

  /** Finds the streams that exist. @throws GatewayError */
  async open(): Promise<void> {
    const { streamWatch, requested, workSlices } = this.#options;
    const { keys, stop } = await streamWatch.watch(requested.pattern.prefixes, {
      appeared: (key, birth) => this.#whenStarted(() => this.#appeared(key, birth)),
      vanished: (key) => this.#whenStarted(() => this.#vanished(key)),
    });
    this.#stopWatching = stop;
    await workSlices.run(this.#takeExisting(keys));
  }

  /** The streams that are read now, sorted by key. */
  get streams(): readonly WantedStream[] {
    return [...this.#joined.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Keys of the streams that are read now. */
  keys(): Iterable<string> {
    return this.#joined.keys();
  }

  /** Reports changes from now on, beginning with those since `open`. */
  start(hooks: PatternStreamsHooks): void {
    this.#hooks = hooks;
    this.#reportLimit();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const change of waiting) this.#run(change);
  }

  /** Lets streams leave that an identity may not read. */
  setPermissions(identity: Identity): void {
    this.#identity = identity;
    this.#whenStarted(() => {
      for (const key of [...this.#joined.keys()]) if (!may(identity, "read", key)) this.#vanished(key);
    });
  }

  /** Ends the reports. */
  close(): void {
    this.#stopWatching();
    this.#waiting = [];
  }

  #whenStarted(change: () => void): void {
    if (this.#hooks === undefined) this.#waiting.push(change);
    else this.#run(change);
  }

  #run(change: () => void): void {
    try {
      change();
    } catch (exception) {
      const error = faultOf(exception, "request with a pattern", this.#options.observe);
      this.close();
      // Not at once: the request may be about to start.
      queueMicrotask(() => this.#hooks?.onError(error));
    }
  }

  *#takeExisting(keys: readonly string[]): Generator<void, void> {
    for (const [i, key] of keys.entries()) {
      if (i % KEYS_PER_STEP === 0) yield;
      const stream = this.#select(key);
      if (stream !== undefined && this.#hasRoom(stream)) this.#joined.set(key, stream);
    }
  }

  #appeared(key: string, birth: number): void {
    const stream = this.#select(key);
    if (stream === undefined) return;
    if (!this.#hasRoom(stream)) {
      this.#reportLimit();
      return;
    }
    this.#joined.set(key, stream);
    this.#hooks?.onJoin({ key, name: stream.name, cursor: FIRST_ID, isAtEnd: false, birth });
  }

  #vanished(key: string): void {
    const stream = this.#joined.get(key);
    if (stream === undefined) return;
    this.#joined.delete(key);
    this.#refused = undefined;
    this.#hooks?.onLeave(stream);
  }

  /** Returns the stream of a key that joins. */
  #select(key: string): WantedStream | undefined {
    if (this.#joined.has(key) || this.#named.has(key)) return undefined;
    const stream = this.#options.requested.pattern.select(key);
    return stream !== undefined && may(this.#identity, "read", key) ? stream : undefined;
  }

  #hasRoom({ name }: WantedStream): boolean {
    if (this.#joined.size + this.#named.size < this.#options.maxStreams) return true;
    if (this.#refused === undefined) this.#refused = name;
    return false;
  }

  #reportLimit(): void {
    if (typeof this.#refused !== "string") return;
    this.#hooks?.onLimit?.(this.#refused);
    this.#refused = null;
  }
}

/** Keys that are compared with a pattern between two yields. */
const KEYS_PER_STEP = 256;

/** The streams of a request at its start. */
export interface OpenStreams {
  readonly streams: readonly SubscribedStream[];
  /** Changes of the streams; undefined without a pattern. Must be closed. */
  readonly pattern: PatternStreams | undefined;
}

/**
 * Finds the streams of a request and resolves their cursors.
 *
 * @param visitor the client: it sees the streams that it may read, and takes turns with others
 * @param playback if present, the streams are for a playback
 * @throws GatewayError if Redis is unavailable
 */
export function openStreams(
  requested: RequestedStreams,
  visitor: Visitor,
  parts: TransportParts,
  playback?: RequestedPlayback,
): Promise<OpenStreams> {
  const { named, pattern } = requested;
  const size = pattern === undefined ? named.length : parts.config.maxStreams;
  return parts.access.turns.openings.run({
    client: accountName(visitor),
    size: () => size,
    send: () => openNow(requested, visitor.identity, parts, playback),
  });
}

async function openNow(
  { named, pattern }: RequestedStreams,
  identity: Identity,
  { streams: { registry, streamWatch }, access, observe, config: { maxStreams } }: TransportParts,
  playback?: RequestedPlayback,
): Promise<OpenStreams> {
  const resolve = async (streams: readonly WantedStream[]): Promise<readonly SubscribedStream[]> =>
    playback === undefined
      ? resolveCursors(streams, registry)
      : streams.map((stream) => playedStream(stream, playback.start));
  if (pattern === undefined) return { streams: await resolve(named), pattern };
  const found = new PatternStreams({
    requested: { named, pattern },
    streamWatch,
    workSlices: access.turns.slices,
    identity,
    maxStreams,
    observe,
  });
  try {
    await found.open();
    return { streams: await resolve([...named, ...found.streams]), pattern: found };
  } catch (error) {
    found.close();
    throw error;
  }
}

/** Keys of the streams that a request names. */
export function namedKeysOf({ streams, pattern }: OpenStreams): readonly string[] {
  const keys = streams.map(({ key }) => key);
  if (pattern === undefined) return keys;
  const found = new Set(pattern.keys());
  return keys.filter((key) => !found.has(key));
}
