/**
 * Stream watch: knows which streams exist, for prefixes of keys that requests with patterns need, and reports those that
 * appear and vanish, whichever client creates and deletes them.
 *
 * Key events are armed before the keys are scanned, so that no stream is missed in between. An event is only a hint
 * (`key-checks.ts`).
 */
import { GatewayError } from "../../../domain/errors.ts";
import type { Logger } from "../../../domain/logger.ts";
import type { WorkSlices } from "../../../domain/scheduling/work-slice.ts";
import { gatewayErrorOf } from "../../reply-errors.ts";
import { ReplyLostError } from "../../resp/command-result.ts";
import { createKeyScan } from "../scan.ts";
import { KeyChecks } from "./key-checks.ts";
import { type KeyChange, KeyEvents, type OpenKeyEventSource } from "./key-events.ts";
import { KeyListings } from "./key-listings.ts";
import { KeyScope, type StreamListener } from "./key-scope.ts";
import { KeyScopes } from "./key-scopes.ts";
import { WatchSchedule } from "./watch-schedule.ts";

/** Options of a watch. */
export interface StreamWatchOptions {
  readonly open: OpenKeyEventSource;
  /** Longest stream key that is reported, in bytes. */
  readonly maxKeyBytes: number;
  readonly workSlices: WorkSlices;
  readonly logger: Logger;
}

/** Streams that exist, and the end of their watch. */
export interface WatchedStreams {
  readonly keys: readonly string[];
  stop(): void;
}

/** Attempts of a request whose connection is lost: nothing that it sends changes anything. */
const MAX_TRIES = 5;
/** Remembered keys; above this, all are forgotten. */
const MAX_REMEMBERED = 100_000;

/** Sources of changes of keys, while there are users. */
interface Source {
  readonly events: KeyEvents;
  readonly checks: KeyChecks;
  readonly listings: KeyListings;
}

/** Watches streams while there are users. */
export class StreamWatch {
  readonly #options: StreamWatchOptions;
  readonly #scopes = new KeyScopes();
  #source: Source | undefined;
  /** Keys of own appends that need no further attention. */
  readonly #noted = new Set<string>();
  readonly #schedule = new WatchSchedule({
    events: () => this.#source?.events,
    dropIdle: (before) => this.#dropIdle(before),
    listAll: () => this.#listAll(),
    knownKeys: () => this.#knownKeys(),
    check: (key) => void this.#source?.checks.check(key),
  });
  /** Streams that have appeared so far. */
  #births = 0;

  constructor(options: StreamWatchOptions) {
    this.#options = options;
  }

  /**
   * Reports streams that appear and vanish from now on, and returns those that exist.
   *
   * @param prefixes beginnings of the keys
   * @throws GatewayError if Redis is unavailable, or too many prefixes are watched
   */
  async watch(prefixes: readonly string[], listener: StreamListener): Promise<WatchedStreams> {
    const scopes = await this.#currentScopes(prefixes, MAX_TRIES);
    for (const scope of scopes) scope.listeners.add(listener);
    return {
      keys: scopes.flatMap(({ keys }) => [...keys]),
      stop: () => {
        for (const scope of scopes) if (scope.listeners.delete(listener)) this.#leave(scope);
      },
    };
  }

  /** Call when this gateway has stored an entry. */
  stored(key: string): void {
    if (this.#scopes.size > 0 && !this.#noted.has(key)) this.#note(key);
  }

  /** Call when this gateway may have deleted a stream. */
  deleted(key: string): void {
    if (this.#scopes.size > 0) this.#onChange(key, "removed");
  }

  close(): void {
    this.#schedule.stop();
    this.#scopes.clear();
    this.#source?.checks.close();
    this.#source?.events.close();
    this.#source = undefined;
    this.#noted.clear();
  }

  /** Returns the scopes, which include all streams that were created before this call. */
  async #currentScopes(prefixes: readonly string[], tries: number): Promise<readonly KeyScope[]> {
    const scopes: KeyScope[] = [];
    try {
      for (const prefix of prefixes) {
        const scope = this.#scopeOf(prefix);
        scope.users++;
        scopes.push(scope);
      }
      await Promise.all(scopes.map(({ ready }) => ready));
      await this.#settle(scopes);
      return scopes;
    } catch (error) {
      for (const scope of scopes) this.#leave(scope);
      if (tries <= 1 || !(error instanceof ReplyLostError)) throw gatewayErrorOf(error as Error);
      return this.#currentScopes(prefixes, tries - 1);
    }
  }

  #scopeOf(prefix: string): KeyScope {
    const known = this.#scopes.get(prefix);
    if (known !== undefined) return known;
    if (!this.#scopes.hasRoom()) this.#dropIdle(Number.POSITIVE_INFINITY);
    if (!this.#scopes.hasRoom())
      throw new GatewayError(
        "OVERLOADED",
        "patterns with too many different prefixes are in use; try again later",
      );
    const scope = new KeyScope(prefix, () => ++this.#births);
    this.#scopes.add(scope);
    this.#noted.clear();
    this.#source ??= this.#openSource();
    const { events, listings } = this.#source;
    this.#schedule.start();
    scope.ready = events.cover(prefix).then(() => listings.list(scope, false));
    scope.ready.catch(() => {
      // The next request tries again.
      if (this.#scopes.has(scope)) this.#drop(scope);
    });
    return scope;
  }

  #openSource(): Source {
    const { open, logger, maxKeyBytes, workSlices } = this.#options;
    const events = new KeyEvents(
      open,
      { onChange: (key, change) => this.#onChange(key, change), onMissed: () => this.#listAll() },
      logger,
    );
    const checks = new KeyChecks(events.database, {
      exists: (key) => this.#exists(key),
      isGone: (key) => this.#isGone(key),
      mayHaveChanged: (key) => this.#onChange(key, "changed"),
    });
    const listings = new KeyListings({
      scan: createKeyScan(events.database, maxKeyBytes, workSlices),
      workSlices,
      isCurrent: (scope) => this.#scopes.has(scope),
      check: (key) => void checks.check(key),
    });
    return { events, checks, listings };
  }

  #leave(scope: KeyScope): void {
    scope.users--;
    scope.idleSince = performance.now();
  }

  #drop(scope: KeyScope): void {
    this.#scopes.delete(scope);
    this.#source?.events.uncover(scope.prefix);
    if (this.#scopes.size === 0) this.close();
  }

  /** Resolves when the known streams include all that were created before this call. */
  async #settle(scopes: readonly KeyScope[]): Promise<void> {
    await this.#source?.events.settle();
    if (this.#source === undefined) return;
    const { events, checks, listings } = this.#source;
    if (!events.reportsCreations) await Promise.all(scopes.map((scope) => listings.list(scope, false)));
    await Promise.all([...scopes.map((scope) => listings.runningOf(scope)), checks.settle()]);
  }

  #onChange(key: string, change: KeyChange): void {
    const scopes = this.#scopes.covering(key);
    const checks = this.#source?.checks;
    if (scopes.length === 0 || checks === undefined) return;
    for (const scope of scopes) scope.touch(key);
    const isKnown = scopes.some(({ keys }) => keys.has(key));
    if (checks.repeat(key, isKnown && change === "replaced")) return;
    if (change === "changed") checks.checkSometimes(key, isKnown);
    else if (change === "replaced") {
      // The stream that was known is another one than the stream that exists now.
      this.#isGone(key);
      void checks.check(key);
    } else if (isKnown === (change === "removed")) void checks.check(key);
  }

  #exists(key: string): void {
    if (Buffer.byteLength(key) > this.#options.maxKeyBytes) return;
    for (const scope of this.#scopes.covering(key)) scope.add(key);
  }

  #isGone(key: string): void {
    this.#noted.delete(key);
    for (const scope of this.#scopes.covering(key)) scope.remove(key);
  }

  #note(key: string): void {
    if (this.#noted.size >= MAX_REMEMBERED) this.#noted.clear();
    this.#noted.add(key);
    let isNew = false;
    for (const scope of this.#scopes.covering(key)) {
      scope.touch(key);
      if (scope.add(key)) isNew = true;
    }
    // It may have been deleted before the reply to the append arrived.
    if (isNew) void this.#source?.checks.check(key);
  }

  #listAll(): void {
    // A scope whose first listing has not begun is listed anyway.
    for (const scope of this.#scopes.values())
      void this.#source?.listings.list(scope, true).catch(() => undefined);
  }

  /** Drops the scopes whose last user left before a time. */
  #dropIdle(before: number): void {
    for (const scope of this.#scopes.values())
      if (scope.users === 0 && scope.idleSince < before) this.#drop(scope);
  }

  *#knownKeys(): Generator<string> {
    for (const scope of this.#scopes.values()) yield* scope.keys;
  }
}
