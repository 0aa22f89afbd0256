/** What the primary process and its workers ask each other. */
import type { ShownSession } from "../access/session-list.ts";
import type { UsageNews } from "../access/usage.ts";
import type { MetricValues } from "../observe/metrics.ts";
import type { Settings } from "../settings.ts";
import type {
  ClaimCall,
  StartAnswer,
  StartCall,
  StopCall,
  StreamsByToken,
} from "../transports/graphql/sse-streams.ts";

/** What a worker is started with. */
export interface WorkerConfig {
  /** Its number, from 1. One that comes in the place of another has the same. */
  readonly number: number;
  /** With `redisUrl` naming the managed Redis where there is one. */
  readonly settings: Settings;
  readonly version: string;
  /** What clients have in the other workers. */
  readonly usage: UsageNews;
}

/** How a start ended. */
export type StartResult =
  | { readonly url: string; readonly redis: string }
  | { readonly message: string; readonly code: string | undefined };

/** What is asked of a worker, and of the primary, which then asks all the other workers. */
type PeerHandlers = {
  sessions(): Promise<readonly ShownSession[]>;
  endSession(id: string): Promise<boolean>;
  /** As of an event stream that has this token. */
  claimStream(call: ClaimCall): ReturnType<StreamsByToken["claim"]>;
  startOnStream(call: StartCall): Promise<StartAnswer>;
  stopOnStream(call: StopCall): Promise<boolean>;
};

/** What a primary answers. */
export type PrimaryHandlers = PeerHandlers & {
  config(): WorkerConfig;
  started(how: StartResult): void;
  /** News of one worker for the others. */
  usage(news: UsageNews): void;
  /** The metrics page of all. */
  metrics(): Promise<string>;
};

/** What a worker answers. */
export type WorkerHandlers = PeerHandlers & {
  /** Stops in order. Only told: the answer is its end. */
  stop(): void;
  usage(news: UsageNews): void;
  metrics(): Promise<MetricValues>;
};
