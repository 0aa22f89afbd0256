/** The Redis that a gateway stands on, whatever it is made of: what the gateway's parts ask of it, and in which ways. */
import type { Logger } from "../domain/logger.ts";
import type { Counters } from "../observe/counters.ts";
import type { OpenSending } from "./append/appender.ts";
import type { EntrySizes } from "./read/entry-sizes.ts";
import type { PolledReads, PolledReadsWithForget } from "./read/poll-cache.ts";
import type { ReplicaReads } from "./read/replicas.ts";
import type { OpenMetaTracking } from "./registry/metadata-watch.ts";
import type { PresenceLeases } from "./registry/presence-leases.ts";
import type { Commands, Database } from "./resp/commands.ts";
import type { OnTailReads, Tail, TailEvents } from "./tail/tail.ts";

/** What every store is made of. */
export interface StoreParts {
  /** Whether history is read from replicas where there are some. */
  readonly readsReplicas: boolean;
  /** How long a command waits for a Redis that is away, in ms. */
  readonly waitMs: number;
  /** How long a Redis that was asked may stay silent, in ms. */
  readonly stallMs?: number | undefined;
  /** How long a gateway that is not heard of keeps its devices, in ms. */
  readonly leaseMs: number;
  /** `REDIS_STREAM_MAXLEN`; 0 keeps everything. */
  readonly streamMaxLength: number;
  readonly sizes: EntrySizes;
  readonly counters: Counters;
  readonly logger: Logger;
}

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
  openTail(onReads: OnTailReads, events?: TailEvents): Tail;
  readonly openMetaTracking: OpenMetaTracking;
  /** @param gatewayId names this gateway among all; in its next life it is another */
  createLeases(gatewayId: string): PresenceLeases;
  close(): void;
}
