/**
 * Master discovery by Redis Sentinel. Sentinels are queried in turn before each connection attempt. All of them are also
 * subscribed to, so that a demoted master that still replies is left at once.
 *
 * @see https://redis.io/docs/latest/develop/reference/sentinel-clients/
 */
import type { Logger } from "../../domain/logger.ts";
import type { AddressSource, OnResolved } from "../address/address-source.ts";
import { describeHost, type RedisAddress } from "../address/redis-url.ts";
import type { SentinelHost, SentinelUrl } from "../address/sentinel-url.ts";
import { askSentinel, listenToSentinel, type SentinelAnswer } from "./sentinel-client.ts";

/** No sentinel returned the address of the master. The message has the reason of each sentinel. */
class NoMasterError extends Error {
  override readonly name = "NoMasterError";
  /** Some sentinels replied: they are reachable, and the configuration is wrong. */
  readonly isAnswered: boolean;

  constructor(master: string, answers: ReadonlyMap<SentinelHost, SentinelAnswer>) {
    const reasons = [...answers].map(([host, answer]) => `${describeHost(host)}: ${problemOf(answer)}`);
    super(`no sentinel returned the address of master "${master}" (${reasons.join("; ")})`);
    this.isAnswered = [...answers.values()].some(({ kind }) => kind !== "silent");
  }
}

function problemOf(answer: SentinelAnswer): string {
  switch (answer.kind) {
    case "known":
      return "known";
    case "unknown":
      return "unknown master name";
    case "rejected":
      return `it rejected the query: ${answer.reason}`;
    case "silent":
      return `no reply: ${answer.reason}`;
  }
}

/** Delay (ms) before the gateway subscribes again to an unreachable sentinel. */
const RESUBSCRIBE_MS = 1000;

/** Address source of a master that sentinels watch. */
export class Sentinels implements AddressSource {
  readonly description: string;
  readonly #url: SentinelUrl;
  readonly #logger: Logger;
  /** Query order: the last sentinel that replied is first. */
  #order: readonly SentinelHost[];
  /** Callers that wait for the query in flight; connections that are lost together share one query. */
  #waiting: OnResolved[] | undefined;
  #isClosed = false;
  #cancelQuery: () => void = () => undefined;
  readonly #watchers = new Set<(address: RedisAddress) => void>();
  readonly #listening: readonly (() => void)[];

  constructor(url: SentinelUrl, logger: Logger) {
    this.#url = url;
    this.#logger = logger;
    this.#order = url.sentinels;
    this.description = `redis+sentinel://${url.sentinels.map(describeHost).join(",")}/${url.master}`;
    this.#listening = url.sentinels.map((host) => this.#listen(host));
  }

  resolve(found: OnResolved): void {
    if (this.#isClosed) {
      queueMicrotask(() => found(new Error("the gateway is stopping")));
    } else if (this.#waiting === undefined) {
      this.#waiting = [found];
      this.#ask(this.#order, new Map());
    } else {
      this.#waiting.push(found);
    }
  }

  watch(watcher: (address: RedisAddress) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelQuery();
    for (const stop of this.#listening) stop();
    this.#settle(new Error("the gateway is stopping"));
  }

  #settle(error: Error | undefined, address?: RedisAddress): void {
    const all = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const found of all) found(error, address);
  }

  #ask([host, ...others]: readonly SentinelHost[], answers: Map<SentinelHost, SentinelAnswer>): void {
    const { master, addressOf } = this.#url;
    if (host === undefined) {
      this.#settle(new NoMasterError(master, answers));
      return;
    }
    this.#cancelQuery = askSentinel(host, this.#url, master, (answer) => {
      if (answer.kind !== "known") {
        this.#ask(others, answers.set(host, answer));
        return;
      }
      this.#order = [host, ...this.#order.filter((other) => other !== host)];
      this.#settle(undefined, addressOf(answer.at));
    });
  }

  #report(address: RedisAddress): void {
    for (const watcher of this.#watchers) watcher(address);
  }

  /** Subscribes to one sentinel, again after each failure. @returns a function that unsubscribes */
  #listen(host: SentinelHost): () => void {
    const { master, addressOf } = this.#url;
    const logger = this.#logger;
    let again: NodeJS.Timeout | undefined;
    let stop: () => void = () => undefined;
    const begin = () => {
      stop = listenToSentinel(host, this.#url, {
        // A switch before the subscription was not received.
        onListening: () =>
          this.resolve((_error, address) => {
            if (address !== undefined) this.#report(address);
          }),
        onSwitch: (name, to) => {
          if (name !== master) return;
          logger.warn(
            { master, to: describeHost(to), sentinel: describeHost(host) },
            "the Redis master has moved",
          );
          this.#report(addressOf(to));
        },
        onEnd(reason) {
          logger.debug({ sentinel: describeHost(host), reason }, "lost the subscription to a sentinel");
          again = setTimeout(begin, RESUBSCRIBE_MS);
        },
      });
    };
    begin();
    return () => {
      clearTimeout(again);
      stop();
    };
  }
}

/**
 * Checks at startup that the sentinels know the master. If no sentinel replies, logs a warning: they may still be starting.
 *
 * @throws NoMasterError if sentinels reply, but none knows the master
 */
export async function checkSentinels(sentinels: Sentinels, logger: Logger): Promise<void> {
  const error = await new Promise<Error | undefined>((done) => sentinels.resolve(done));
  if (error instanceof NoMasterError && error.isAnswered) throw error;
  if (error !== undefined)
    logger.warn({ redis: sentinels.description }, `${error.message}; retrying until one does`);
}
