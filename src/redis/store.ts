/** The Redis that a gateway stands on, whatever it is made of: what the gateway's parts ask of it, and in which ways. */
import type { OpenSending } from "./appender.ts";
import type { Commands, Database } from "./commands.ts";
import type { OpenMetaTracking } from "./meta-watch.ts";
import type { PolledReads, PolledReadsWithForget } from "./polled-reads.ts";
import type { PresenceLeases } from "./presence-leases.ts";
import type { ReplicaReads } from "./replica-reads.ts";
import type { OnTailReads, OnTailRemoval, Tail } from "./tail.ts";

/** Reads that are answered by commands. */
export type ReadsOver = (commands: Commands) => Pick<PolledReads, "readAfter" | "readNewest">;

/** Redis, as the parts of a gateway use it. */
export interface Store {
  /** What is asked, besides entries that come in and go live. */
  readonly reads: Database;
  /** Where pages of history are read first, with `REDIS_READ_FROM=replica`. */
  readonly replicas: ReplicaReads | undefined;
  /** What appends are sent by. */
  readonly openSending: OpenSending;
  /** Resolves when all that has keys answers, to reads and to appends. */
  ping(): Promise<void>;
  /** Reads for clients that ask again and again. */
  openPolledReads(readsOver: ReadsOver): PolledReadsWithForget;
  openTail(onReads: OnTailReads, onRemoval?: OnTailRemoval): Tail;
  readonly openMetaTracking: OpenMetaTracking;
  /** @param gatewayId names this gateway among all; in its next life it is another */
  createLeases(gatewayId: string): PresenceLeases;
  close(): void;
}
