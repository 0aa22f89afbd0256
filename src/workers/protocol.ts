/** Messages between the primary process and its workers. */
import type { UsageNews } from "../access/limits/usage.ts";
import type { MetricValues } from "../observe/metrics.ts";
import type { Settings } from "../settings.ts";

/** Start configuration of a worker. */
export interface WorkerConfig {
  /** Number of the worker, from 1. A restarted worker keeps its number. */
  readonly number: number;
  /** Settings; `redisUrl` is the managed Redis if there is one. */
  readonly settings: Settings;
  readonly version: string;
  /** Usage of clients in the other workers. */
  readonly usage: UsageNews;
}

/** Result of a start: addresses, or the error. */
export type StartResult =
  | { readonly url: string; readonly redis: string }
  | { readonly message: string; readonly code: string | undefined };

/** Request of one worker to its peers. The primary passes it on unchanged. */
export interface PeerRequest {
  readonly what: string;
  readonly argument?: unknown;
}

/** Requests that the primary handles. */
export type PrimaryHandlers = {
  config(): WorkerConfig;
  started(how: StartResult): void;
  /** Usage changes of one worker, for its peers. */
  usage(news: UsageNews): void;
  /** Metrics page of all workers. */
  metrics(): Promise<string>;
  /** Passes a request on to all other workers. @returns the results of those that answered */
  requestPeers(call: PeerRequest): Promise<readonly unknown[]>;
};

/** Requests that a worker handles. */
export type WorkerHandlers = {
  /** Stops the worker. A notification: the answer is the end of the process. */
  stop(): void;
  usage(news: UsageNews): void;
  metrics(): Promise<MetricValues>;
  /** Handles a request of another worker. */
  peerRequest(call: PeerRequest): unknown;
};
