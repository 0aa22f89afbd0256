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

/** No sentinel led to the master, for the reasons that its message has by sentinel. */
export class NoMasterError extends Error {
  override readonly name = "NoMasterError";
  /** Some sentinels replied: they are reachable, and the configuration is wrong. */
  readonly isAnswered: boolean;

  constructor(master: string, answers: ReadonlyMap<SentinelHost, SentinelAnswer>) {
    const reasons = [...answers].map(([host, answer]) => `${describeHost(host)}: ${problemOf(answer)}`);
    super(`no sentinel leads to the master "${master}" (${reasons.join("; ")})`);
    this.isAnswered = [...answers.values()].some(({ kind }) => kind !== "silent");
  }
}

function problemOf(answer: SentinelAnswer): string {
  switch (answer.kind) {
    case "known":
      return "it knows it";
    case "unknown":
      return "it does not know this name";
    case "refused":
      return `it refuses to say, ${answer.reason}`;
    case "silent":
      return `no answer, ${answer.reason}`;
  }
}

/** A master that sentinels lead to. */
export interface Sentinels extends AddressSource {
  close(): void;
}

/** A sentinel that is gone is tried again after so long (ms). */
const LISTEN_AGAIN_MS = 1000;

/** Starts to listen, and to answer. */
export function createSentinels(url: SentinelUrl, logger: Logger): Sentinels {
  const { master, addressOf } = url;
  const description = `redis+sentinel://${url.sentinels.map(describeHost).join(",")}/${master}`;
  /** Query order: the last sentinel that replied is first. */
  let order = url.sentinels;
  /** Callers that wait for the query in flight; connections that are lost together share one query. */
  let asking: OnResolved[] | undefined;
  let isClosed = false;
  let stopAsking: () => void = () => undefined;
  const watchers = new Set<(address: RedisAddress) => void>();
  const listening = url.sentinels.map(listen);

  function resolve(found: OnResolved): void {
    if (isClosed) {
      queueMicrotask(() => found(new Error("the gateway stops")));
    } else if (asking === undefined) {
      asking = [found];
      ask(order, new Map());
    } else {
      asking.push(found);
    }
  }

  function settle(error: Error | undefined, address?: RedisAddress): void {
    const all = asking ?? [];
    asking = undefined;
    for (const found of all) found(error, address);
  }

  function ask([host, ...others]: readonly SentinelHost[], answers: Map<SentinelHost, SentinelAnswer>): void {
    if (host === undefined) {
      settle(new NoMasterError(master, answers));
      return;
    }
    stopAsking = askSentinel(host, url, master, (answer) => {
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

  /** Listens to one sentinel until the end. @returns what ends it */
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
          logger.debug({ sentinel: describeHost(host), reason }, "a sentinel is not listened to");
          again = setTimeout(begin, LISTEN_AGAIN_MS);
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
      stopAsking();
      for (const stop of listening) stop();
      settle(new Error("the gateway stops"));
    },
  };
}

/**
 * Checks that the sentinels know the master, before anything depends on it.
 *
 * @throws NoMasterError where none does though some answer; where none answers, it is only logged, as they may yet come
 */
export async function checkSentinels(sentinels: Sentinels, logger: Logger): Promise<void> {
  const error = await new Promise<Error | undefined>((done) => sentinels.resolve(done));
  if (error instanceof NoMasterError && error.isAnswered) throw error;
  if (error !== undefined)
    logger.warn({ redis: sentinels.description }, `${error.message}; trying again until one does`);
}
