/**
 * Stream watch: knows which streams exist, for prefixes of keys that requests with patterns need, and reports those that
 * appear and vanish, whichever client creates and deletes them.
 *
 * Key events are armed before the keys are scanned, so that no stream is missed in between. An event is only a hint: `TYPE`
 * decides. If another event of the key arrives while `TYPE` is in flight, it is sent again, so the order of the replies and
 * events of several connections does not matter.
 */
import { GatewayError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";
import { gatewayErrorOf } from "../reply-errors.ts";
import { ReplyLostError } from "../resp/command-result.ts";
import { type KeyChange, KeyEvents, type OpenKeyEventSource } from "./key-events.ts";
import { KeyScope, type StreamListener } from "./key-scope.ts";
import { createKeyScan, type KeyScan } from "./scan.ts";

/** Options of a watch. */
export interface StreamWatchOptions {
  readonly open: OpenKeyEventSource;
  /** Longest stream key that is reported, in bytes. */
  readonly mostKeyBytes: number;
  readonly workSlices: WorkSlices;
  readonly logger: Logger;
}

/** Streams that exist, and the end of their watch. */
export interface WatchedStreams {
  readonly keys: readonly string[];
  stop(): void;
}

interface Check {
  /** An event arrived after `TYPE` was sent. */
  isStale: boolean;
  /** The stream that was known is another one than the stream that exists now. */
  isReplaced: boolean;
  readonly done: Promise<void>;
}

/** Maximum number of prefixes. Each costs a set of keys. */
const MOST_SCOPES = 10_000;
/** Maximum number of prefixes that are not a device. Each is compared with the key of each event. */
const MOST_OTHER_SCOPES = 64;
/** Time (ms) for which a prefix is watched after its last user left: polling clients return soon. */
const LINGER_MS = 10_000;
/** Interval (ms) of checks for changes that Redis does not report: removals without events, all changes without tracking. */
const TICK_MS = 2000;
/** Keys that are checked in one interval if Redis does not report removals. */
const KEYS_PER_TICK = 2000;
/** Ticks between two checks of the configuration of Redis. */
const CONFIGURATION_TICKS = 5;
/** Minimum time (ms) between two checks of a key that changes constantly and is not a stream. */
const RECHECK_MS = 1000;
/** The same for a stream, which is also checked in each round. */
const RECHECK_STREAM_MS = 10_000;
/** Attempts of a request whose connection is lost: nothing that it sends changes anything. */
const MOST_TRIES = 5;
const RETRY_MS = 500;
/** Remembered keys; above this, all are forgotten. */
const MOST_REMEMBERED = 100_000;

/** Watches streams while there are users. */
export class StreamWatch {
  readonly #options: StreamWatchOptions;
  readonly #scopes = new Map<string, KeyScope>();
  /** Scopes whose prefix is not a device and a colon. */
  readonly #otherScopes = new Set<KeyScope>();
  #events: KeyEvents | undefined;
  #scan: KeyScan | undefined;
  readonly #checks = new Map<string, Check>();
  /** When keys that may change all the time were last checked. */
  readonly #checkedAt = new Map<string, number>();
  readonly #checkLater = new Set<string>();
  /** Keys of own appends that need no further attention. */
  readonly #noted = new Set<string>();
  readonly #listings = new Map<KeyScope, Promise<void>>();
  readonly #listAgain = new Set<KeyScope>();
  #ticking: NodeJS.Timeout | undefined;
  #ticks = 0;
  /** Streams that have appeared so far. */
  #births = 0;
  /** Known keys that are still to be checked in this round. */
  #round: Iterator<string> | undefined;

  constructor(options: StreamWatchOptions) {
    this.#options = options;
  }

  /**
   * Reports streams that appear and vanish from now on, and returns those that exist.
   *
   * @param prefixes what the keys begin with
   * @throws GatewayError if Redis is unavailable, or too many prefixes are watched
   */
  async watch(prefixes: readonly string[], listener: StreamListener): Promise<WatchedStreams> {
    const scopes = await this.#currentScopes(prefixes, MOST_TRIES);
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
    clearInterval(this.#ticking);
    this.#ticking = undefined;
    this.#scopes.clear();
    this.#otherScopes.clear();
    this.#events?.close();
    this.#events = undefined;
    this.#forgetAll();
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
    if (!this.#hasRoom()) this.#dropIdle(Number.POSITIVE_INFINITY);
    if (!this.#hasRoom())
      throw new GatewayError(
        "OVERLOADED",
        "patterns with too many different prefixes are in use; try again later",
      );
    const scope = new KeyScope(prefix, () => ++this.#births);
    this.#scopes.set(prefix, scope);
    if (!isDevice(prefix)) this.#otherScopes.add(scope);
    this.#noted.clear();
    this.#events ??= this.#openEvents();
    const events = this.#events;
    this.#ticking ??= setInterval(() => this.#tick(), TICK_MS);
    scope.ready = events.cover(prefix).then(() => this.#list(scope, false));
    scope.ready.catch(() => {
      // The next request tries again.
      if (this.#scopes.get(prefix) === scope) this.#drop(scope);
    });
    return scope;
  }

  #openEvents(): KeyEvents {
    const { open, logger, mostKeyBytes, workSlices } = this.#options;
    const events = new KeyEvents(
      open,
      { onChange: (key, change) => this.#onChange(key, change), onMissed: () => this.#listAll() },
      logger,
    );
    this.#scan = createKeyScan(events.database, mostKeyBytes, workSlices);
    return events;
  }

  #hasRoom(): boolean {
    return this.#scopes.size < MOST_SCOPES && this.#otherScopes.size < MOST_OTHER_SCOPES;
  }

  /** Returns the scopes that cover a key. */
  #scopesOf(key: string): readonly KeyScope[] {
    const colon = key.indexOf(":");
    const ofDevice = colon > 0 ? this.#scopes.get(key.slice(0, colon + 1)) : undefined;
    const scopes = ofDevice === undefined ? [] : [ofDevice];
    for (const scope of this.#otherScopes) if (scope.covers(key)) scopes.push(scope);
    return scopes;
  }

  #leave(scope: KeyScope): void {
    scope.users--;
    scope.idleSince = performance.now();
  }

  #drop(scope: KeyScope): void {
    this.#scopes.delete(scope.prefix);
    this.#otherScopes.delete(scope);
    this.#events?.uncover(scope.prefix);
    if (this.#scopes.size === 0) this.close();
  }

  #forgetAll(): void {
    this.#checks.clear();
    this.#checkedAt.clear();
    this.#checkLater.clear();
    this.#noted.clear();
    this.#listings.clear();
    this.#listAgain.clear();
    this.#round = undefined;
  }

  /** Resolves when the known streams include all that were created before this call. */
  async #settle(scopes: readonly KeyScope[]): Promise<void> {
    await this.#events?.settle();
    if (this.#events?.reportsCreations === false)
      await Promise.all(scopes.map((scope) => this.#list(scope, false)));
    const listings = scopes.map((scope) => this.#listings.get(scope));
    await Promise.all([...listings, ...[...this.#checks.values()].map(({ done }) => done)]);
  }

  #onChange(key: string, change: KeyChange): void {
    const scopes = this.#scopesOf(key);
    if (scopes.length === 0) return;
    for (const scope of scopes) scope.touch(key);
    const isKnown = scopes.some(({ keys }) => keys.has(key));
    const running = this.#checks.get(key);
    if (running !== undefined) {
      running.isStale = true;
      running.isReplaced ||= isKnown && change === "replaced";
    } else if (change === "changed") this.#checkSometimes(key, isKnown);
    else if (change === "replaced") {
      // The stream that was known is another one than the stream that exists now.
      this.#isGone(key);
      void this.#check(key);
    } else if (isKnown === (change === "removed")) void this.#check(key);
  }

  /** Checks a key now, or in a while if it was checked a short time ago and has not changed its state. */
  #checkSometimes(key: string, isStream: boolean): void {
    const now = performance.now();
    const at = this.#checkedAt.get(key);
    if (at !== undefined && isStream && now - at < RECHECK_STREAM_MS) return;
    if (at !== undefined && now - at < RECHECK_MS) {
      if (this.#checkLater.size === 0) setTimeout(() => this.#checkWaiting(), RECHECK_MS).unref();
      this.#checkLater.add(key);
      return;
    }
    if (this.#checkedAt.size >= MOST_REMEMBERED) this.#checkedAt.clear();
    this.#checkedAt.set(key, now);
    void this.#check(key);
  }

  #checkWaiting(): void {
    const keys = [...this.#checkLater];
    this.#checkLater.clear();
    for (const key of keys) this.#onChange(key, "changed");
  }

  /** Finds out whether a key is a stream. */
  #check(key: string): Promise<void> {
    const running = this.#checks.get(key);
    const events = this.#events;
    if (running !== undefined || events === undefined) {
      if (running !== undefined) running.isStale = true;
      return running?.done ?? Promise.resolve();
    }
    const done = new Promise<void>((resolve) => {
      events.database.send(["TYPE", key], (error, reply) => {
        if (this.#events !== events) return resolve();
        const { isStale = false, isReplaced = false } = this.#checks.get(key) ?? {};
        this.#checks.delete(key);
        if (isReplaced) this.#isGone(key);
        // After a lost connection all keys are listed again.
        if (error === undefined) this.#decide(key, String(reply), isStale);
        if (isStale && String(reply) !== "stream") return resolve(this.#check(key));
        if (isStale) this.#onChange(key, "changed");
        resolve();
      });
    });
    this.#checks.set(key, { isStale: false, isReplaced: false, done });
    return done;
  }

  /** @param isStale the key has changed since `type` was true */
  #decide(key: string, type: string, isStale: boolean): void {
    if (type === "none") this.#checkedAt.delete(key);
    if (type === "stream") this.#exists(key);
    else if (!isStale) this.#isGone(key);
  }

  #exists(key: string): void {
    if (Buffer.byteLength(key) > this.#options.mostKeyBytes) return;
    for (const scope of this.#scopesOf(key)) scope.add(key);
  }

  #isGone(key: string): void {
    this.#noted.delete(key);
    for (const scope of this.#scopesOf(key)) scope.remove(key);
  }

  #note(key: string): void {
    if (this.#noted.size >= MOST_REMEMBERED) this.#noted.clear();
    this.#noted.add(key);
    let isNew = false;
    for (const scope of this.#scopesOf(key)) {
      scope.touch(key);
      if (scope.add(key)) isNew = true;
    }
    // It may have been deleted before the reply to the append arrived.
    if (isNew) void this.#check(key);
  }

  #listAll(): void {
    // A scope whose first listing has not begun is listed anyway.
    for (const scope of this.#scopes.values()) void this.#list(scope, true).catch(() => undefined);
  }

  /** Scans the keys and takes the differences. @param isRepeated whether to try again if it fails */
  #list(scope: KeyScope, isRepeated: boolean): Promise<void> {
    const running = this.#listings.get(scope);
    if (running !== undefined) {
      this.#listAgain.add(scope);
      return running;
    }
    const listing = this.#listUntilDone(scope, isRepeated).finally(() => this.#listings.delete(scope));
    this.#listings.set(scope, listing);
    return listing;
  }

  async #listUntilDone(scope: KeyScope, isRepeated: boolean): Promise<void> {
    for (;;) {
      this.#listAgain.delete(scope);
      scope.beginListing();
      try {
        const listed = await this.#scan?.streams();
        await this.#options.workSlices.run(scope.takeListing(listed ?? [], (key) => void this.#check(key)));
      } catch (error) {
        if (this.#scopes.get(scope.prefix) !== scope) return;
        if (!isRepeated) throw error;
        this.#listAgain.add(scope);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
      if (!this.#listAgain.has(scope)) return;
    }
  }

  #tick(): void {
    this.#dropIdle(performance.now() - LINGER_MS);
    const events = this.#events;
    if (events === undefined) return;
    if (!events.reportsCreations) this.#listAll();
    else if (!events.reportsRemovals) this.#checkSome();
    if (++this.#ticks % CONFIGURATION_TICKS === 0) events.checkConfiguration().catch(() => undefined);
  }

  /** Drops the scopes whose last user left before a time. */
  #dropIdle(before: number): void {
    for (const scope of this.#scopes.values())
      if (scope.users === 0 && scope.idleSince < before) this.#drop(scope);
  }

  /** Checks the next known keys, round and round. */
  #checkSome(): void {
    this.#round ??= this.#knownKeys();
    for (let i = 0; i < KEYS_PER_TICK; i++) {
      const { value, done } = this.#round.next();
      if (done) {
        this.#round = undefined;
        return;
      }
      void this.#check(value);
    }
  }

  *#knownKeys(): Generator<string> {
    for (const scope of this.#scopes.values()) yield* scope.keys;
  }
}

/** Whether a prefix is a device and its colon. */
const isDevice = (prefix: string): boolean => prefix.length > 1 && prefix.indexOf(":") === prefix.length - 1;
