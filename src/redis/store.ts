/** Store interface: the operations of a single Redis or a cluster that the gateway's parts use. */
import type { Logger } from "../domain/logger.ts";
import type { Counters } from "../observe/counters.ts";
import type { OpenSending } from "./append/transactions.ts";
import type { OpenGrowth } from "./groups/growth.ts";
import type { EntrySizes } from "./read/entry-sizes.ts";
import type { PolledReads, PolledReadsWithForget } from "./read/poll-cache.ts";
import type { ReplicaReads } from "./read/replicas.ts";
import type { OpenMetaTracking } from "./registry/metadata-watch.ts";
import type { PresenceLeases, PresenceLeasesParts } from "./registry/presence-leases.ts";
import type { OpenKeyEventSource } from "./registry/watch/key-events.ts";
import type { Commands, Database } from "./resp/commands.ts";
import type { OnTailReads, Tail, TailEvents } from "./tail/tail.ts";

/** Options of every store. */
export interface StoreParts {
  /** Whether history is read from replicas, if there are any. */
  readonly readsReplicas: boolean;
  /** Time (ms) that a command waits while Redis is unavailable. */
  readonly waitMs: number;
  /** Time (ms) without any reply before a connection to Redis is closed and reopened. */
  readonly stallMs?: number | undefined;
  /** Time (ms) after which the devices of a silent gateway are disconnected. */
  readonly leaseMs: number;
  /** `REDIS_STREAM_MAXLEN`; 0 keeps everything. */
  readonly streamMaxLength: number;
  readonly sizes: EntrySizes;
  readonly counters: Counters;
  readonly logger: Logger;
}

/** Creates reads over a connection, and those with large replies over another one. */
export type ReadsOver = (
  commands: Commands,
  largeReads: Commands,
) => Pick<PolledReads, "readAfter" | "readNewest">;

/** Redis, as used by the parts of a gateway. */
export interface Store {
  /** Commands other than appends and live reads. */
  readonly reads: Database;
  /** Reads with large replies, over a connection that the first of them opens: small reads do not wait behind them. */
  readonly largeReads: Commands;
  /** Reads whose replies contain the length of a payload from `LARGE_PAYLOAD_BYTES` instead of its bytes. */
  readonly withoutPayloads: Commands;
  /** Replicas for pages of history, with `REDIS_READ_FROM=replica`. */
  readonly replicas: ReplicaReads | undefined;
  /** Opens the connection for appends. */
  readonly openSending: OpenSending;
  /** Prepares the connection for large appends. The first of them opens it. They are not looped back. */
  readonly openLargeSending: OpenSending;
  /** Resolves when every server that owns keys replies, to reads and to appends. */
  ping(): Promise<void>;
  /** Opens cached reads for polling clients. */
  openPolledReads(readsOver: ReadsOver): PolledReadsWithForget;
  openTail(onReads: OnTailReads, events?: TailEvents): Tail;
  readonly openMetaTracking: OpenMetaTracking;
  readonly openKeyEvents: OpenKeyEventSource;
  /** Opens the connections of consumer groups. */
  readonly openGrowth: OpenGrowth;
  /** Whether a script can use these two keys. */
  isSameServer(key: string, other: string): boolean;
  createLeases(own: Pick<PresenceLeasesParts, "gatewayId" | "maxMetaBytes">): PresenceLeases;
  close(): void;
}
