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
export interface Order {
  /** Its number, from 1. One that comes in the place of another has the same. */
  readonly number: number;
  /** With `redisUrl` naming the managed Redis where there is one. */
  readonly settings: Settings;
  readonly version: string;
  /** What clients have in the other workers. */
  readonly usage: UsageNews;
}

/** How a start ended. */
export type Start =
  | { readonly url: string; readonly redis: string }
  | { readonly message: string; readonly code: string | undefined };

/** What a primary answers. */
export type PrimaryAnswers = {
  order(): Order;
  started(how: Start): void;
  /** News of one worker for the others. */
  usage(news: UsageNews): void;
  /** The metrics page of all. */
  metrics(): Promise<string>;
  /** The connections of the other workers. */
  sessions(): Promise<readonly ShownSession[]>;
  endSession(id: string): Promise<boolean>;
  /** An event stream of the other workers, by its token. */
  claimStream(call: ClaimCall): ReturnType<StreamsByToken["claim"]>;
  startOnStream(call: StartCall): Promise<StartAnswer>;
  stopOnStream(call: StopCall): Promise<boolean>;
};

/** What a worker answers. */
export type WorkerAnswers = {
  /** Stops in order. Only told: the answer is its end. */
  stop(): void;
  usage(news: UsageNews): void;
  metrics(): Promise<MetricValues>;
  sessions(): Promise<readonly ShownSession[]>;
  endSession(id: string): Promise<boolean>;
  claimStream(call: ClaimCall): ReturnType<StreamsByToken["claim"]>;
  startOnStream(call: StartCall): Promise<StartAnswer>;
  stopOnStream(call: StopCall): Promise<boolean>;
};
