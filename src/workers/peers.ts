/** What a worker knows of the others of its gateway: those parts of it that are one to clients and operators. */
import type { SessionList } from "../access/session-list.ts";
import type { Usage } from "../access/usage.ts";
import type { MetricValues } from "../observe/metrics.ts";
import type { StreamsByToken } from "../transports/graphql/sse-streams.ts";

/** What one worker answers when others ask. */
export interface OwnHandlers {
  metrics(): Promise<MetricValues>;
  readonly sessions: SessionList;
  readonly streams: StreamsByToken;
}

/** The others, as one of them sees them. */
export interface Peers {
  /** What clients use of their limits, in all workers. */
  readonly usage: Usage;
  /** The metrics page of all workers. */
  metrics(): Promise<string>;
  /** The connections of the others. */
  readonly sessions: SessionList;
  /** The event streams of the others' GraphQL clients. */
  readonly streams: StreamsByToken;
  /** Sets what this one answers. */
  register(own: OwnHandlers): void;
}
