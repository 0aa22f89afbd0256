/** The measured servers, each with clients of its protocol, so that one load runs against all of them. */

import { openPusher, type WebSocketPusher } from "./load/clients/websocket-pusher.ts";
import { openReader, type WebSocketReader } from "./load/clients/websocket-reader.ts";
import type { Pids } from "./load/measurement/busy.ts";
import type { Samples } from "./load/measurement/statistics.ts";
import type { Server } from "./load/processes/process.ts";
import type { Redis } from "./load/processes/redis.ts";
import { openNatsPusher } from "./reference/nats/pusher.ts";
import { openNatsReader } from "./reference/nats/reader.ts";

/** A server under load. */
export interface Side {
  readonly name: string;
  /** Its processes. */
  readonly pids: Pids;
  /** @param latencies receives the time in ms from sending to reading each entry */
  openReader(stream: string, latencies?: Samples): Promise<WebSocketReader>;
  /** @param onAcknowledged called for acknowledgements; entries are acknowledged only if it is given */
  openPusher(stream: string, entryBytes: number, onAcknowledged?: () => void): Promise<WebSocketPusher>;
}

/** Options of the gateway's clients. */
export interface GatewayClients {
  readonly name?: string;
  readonly token?: string;
  /** Query of the readers. */
  readonly pullQuery?: string;
}

/** The gateway with its Redis. */
export function gatewaySide(
  { port, pid }: Server,
  redis: Redis,
  { name = "gateway", token, pullQuery = "header=0" }: GatewayClients = {},
): Side {
  const target = (path: string) => ({ port, path, ...(token !== undefined && { token }) });
  return {
    name,
    pids: { gateway: pid, redis: redis.pid },
    openReader: (stream, latencies) => openReader(target(`/data/${stream}/pull?${pullQuery}`), latencies),
    openPusher: (stream, entryBytes, onAcknowledged) => {
      const query = onAcknowledged === undefined ? "header=0" : "header=0&ack=1";
      return openPusher(target(`/data/${stream}/push?${query}`), entryBytes, onAcknowledged);
    },
  };
}

/** The naive relay, which acknowledges nothing. */
export function relaySide({ port, pid }: Server): Side {
  return {
    name: "relay",
    pids: { relay: pid },
    openReader: (stream, latencies) => openReader({ port, path: `/data/${stream}/pull?header=0` }, latencies),
    openPusher: (stream, entryBytes) =>
      openPusher({ port, path: `/data/${stream}/push?header=0` }, entryBytes),
  };
}

/** NATS. A stream is a subject; JetStream acknowledges entries if it has a stream of that name. */
export function natsSide({ port, pid }: Server): Side {
  return {
    name: "NATS",
    pids: { nats: pid },
    openReader: (stream, latencies) => openNatsReader(port, stream, latencies),
    openPusher: (stream, entryBytes, onAcknowledged) =>
      openNatsPusher(port, stream, entryBytes, onAcknowledged),
  };
}
