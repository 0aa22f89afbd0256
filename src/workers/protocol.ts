/** Messages between the primary process and its workers. */

import type { UsageNews } from "../access/limits/usage.ts";
import type { ShownSession } from "../access/session-list.ts";
import type { MetricValues } from "../observe/metrics.ts";
import type { Settings } from "../settings.ts";
import type {
  ClaimCall,
  StartAnswer,
  StartCall,
  StopCall,
  StreamsByToken,
} from "../transports/graphql/protocol/sse-streams.ts";

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

/** Requests that the primary forwards from one worker to all others. */
type PeerHandlers = {
  sessions(): Promise<readonly ShownSession[]>;
  endSession(id: string): Promise<boolean>;
  /** Requests for the GraphQL event stream with a token. */
  claimStream(call: ClaimCall): ReturnType<StreamsByToken["claim"]>;
  startOnStream(call: StartCall): Promise<StartAnswer>;
  stopOnStream(call: StopCall): Promise<boolean>;
};

/** Requests that the primary handles. */
export type PrimaryHandlers = PeerHandlers & {
  config(): WorkerConfig;
  started(how: StartResult): void;
  /** Usage changes of one worker, for its peers. */
  usage(news: UsageNews): void;
  /** Metrics page of all workers. */
  metrics(): Promise<string>;
};

/** Requests that a worker handles. */
export type WorkerHandlers = PeerHandlers & {
  /** Stops the worker. A notification: the answer is the end of the process. */
  stop(): void;
  usage(news: UsageNews): void;
  metrics(): Promise<MetricValues>;
};
