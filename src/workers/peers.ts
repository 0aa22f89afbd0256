/** Interface of a worker to its peers, by which clients and operators see all workers as one gateway. */
import type { Usage } from "../access/limits/usage.ts";
import type { PeerHandlers, RequestPeers } from "../domain/peers.ts";
import type { MetricValues } from "../observe/metrics.ts";

/** Handlers of a worker for requests of the primary process and of its peers. */
export interface OwnHandlers {
  metrics(): Promise<MetricValues>;
  readonly requests: PeerHandlers;
}

/** The peers of a worker. */
export interface Peers {
  /** Number of this worker, from 1. A restarted worker keeps its number. */
  readonly number: number;
  /** Usage of limits by clients, over all workers. */
  readonly usage: Usage;
  /** The metrics page of all workers. */
  metrics(): Promise<string>;
  readonly request: RequestPeers;
  /** Registers the handlers of this worker. */
  register(own: OwnHandlers): void;
}
