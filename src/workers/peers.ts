/** Interface of a worker to its peers: the state that clients and operators see as one gateway. */

import type { Usage } from "../access/limits/usage.ts";
import type { SessionList } from "../access/session-list.ts";
import type { MetricValues } from "../observe/metrics.ts";
import type { StreamsByToken } from "../transports/graphql/protocol/sse-streams.ts";

/** Request handlers of one worker. */
export interface OwnHandlers {
  metrics(): Promise<MetricValues>;
  readonly sessions: SessionList;
  readonly streams: StreamsByToken;
}

/** The peers of a worker. */
export interface Peers {
  /** Usage of limits by clients, over all workers. */
  readonly usage: Usage;
  /** The metrics page of all workers. */
  metrics(): Promise<string>;
  /** Connections of the peers. */
  readonly sessions: SessionList;
  /** Event streams of the peers' GraphQL clients. */
  readonly streams: StreamsByToken;
  /** Registers the handlers of this worker. */
  register(own: OwnHandlers): void;
}
