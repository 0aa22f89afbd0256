/**
 * Master discovery by Redis Sentinel. Sentinels are queried in turn before each connection attempt. All of them are also
 * subscribed to, so that a demoted master that still replies is left at once.
 *
 * @see https://redis.io/docs/latest/develop/reference/sentinel-clients/
 */
import type { Logger } from "../../domain/logger.ts";
import { describeHost, type RedisAddress } from "../redis-url.ts";
import type { AddressSource, OnResolved } from "../resp/address-source.ts";
import { askSentinel, listenToSentinel, type SentinelAnswer } from "./sentinel-client.ts";
import type { SentinelHost, SentinelUrl } from "./url.ts";

/** No sentinel returned the address of the master. The message has the reason of each sentinel. */
export class NoMasterError extends Error {
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

/** Address source of a master that sentinels watch. */
export interface Sentinels extends AddressSource {
  close(): void;
}

/** Delay (ms) before the gateway subscribes again to an unreachable sentinel. */
const RESUBSCRIBE_MS = 1000;

/** Subscribes to the failovers of all sentinels, and resolves the address of the master. */
export function createSentinels(url: SentinelUrl, logger: Logger): Sentinels {
  const { master, addressOf } = url;
  const description = `redis+sentinel://${url.sentinels.map(describeHost).join(",")}/${master}`;
  /** Query order: the last sentinel that replied is first. */
  let order = url.sentinels;
  /** Callers that wait for the query in flight; connections that are lost together share one query. */
  let waiting: OnResolved[] | undefined;
  let isClosed = false;
  let cancelQuery: () => void = () => undefined;
  const watchers = new Set<(address: RedisAddress) => void>();
  const listening = url.sentinels.map(listen);

  function resolve(found: OnResolved): void {
    if (isClosed) {
      queueMicrotask(() => found(new Error("the gateway stops")));
    } else if (waiting === undefined) {
      waiting = [found];
      ask(order, new Map());
    } else {
      waiting.push(found);
    }
  }

  function settle(error: Error | undefined, address?: RedisAddress): void {
    const all = waiting ?? [];
    waiting = undefined;
    for (const found of all) found(error, address);
  }

  function ask([host, ...others]: readonly SentinelHost[], answers: Map<SentinelHost, SentinelAnswer>): void {
    if (host === undefined) {
      settle(new NoMasterError(master, answers));
      return;
    }
    cancelQuery = askSentinel(host, url, master, (answer) => {
      if (answer.kind !== "known") {
        ask(others, answers.set(host, answer));
        return;
      }
      order = [host, ...order.filter((other) => other !== host)];
      settle(undefined, addressOf(answer.at));
    });
  }

  function onSwitched(at: SentinelHost): void {
    for (const watcher of watchers) watcher(addressOf(at));
  }

  /** Subscribes to one sentinel, again after each failure. @returns a function that unsubscribes */
  function listen(host: SentinelHost): () => void {
    let again: NodeJS.Timeout | undefined;
    let stop: () => void = () => undefined;
    const begin = () => {
      stop = listenToSentinel(host, url, {
        // A switch before the subscription was not received.
        onListening: () =>
          resolve((_error, address) => {
            if (address !== undefined) for (const watcher of watchers) watcher(address);
          }),
        onSwitch(name, to) {
          if (name !== master) return;
          logger.warn(
            { master, to: describeHost(to), sentinel: describeHost(host) },
            "the Redis master has moved",
          );
          onSwitched(to);
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

  return {
    description,
    resolve,
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    close() {
      isClosed = true;
      cancelQuery();
      for (const stop of listening) stop();
      settle(new Error("the gateway stops"));
    },
  };
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
