/** Parts of the WebSocket transport: those of all transports, and its own settings and buffers. */
import type { TransportConfig, TransportParts } from "../parts.ts";
import type { PushGate } from "../websocket-protocol/backpressure.ts";
import type { PayloadPool } from "../websocket-protocol/memory/buffer-pool.ts";
import type { KeepAliveConfig } from "./keep-alive.ts";
import type { PullEncoders } from "./pull/pull-encoder.ts";

/** Settings of the WebSocket transport. */
export interface WebSocketConfig extends TransportConfig, KeepAliveConfig {
  /** `DEVICE_PRESENCE`: whether every pushing device counts as connected, or only on request. */
  readonly devicePresence: "requested" | "auto";
}

/** Parts of the WebSocket server. */
export interface WebSocketParts extends TransportParts {
  readonly config: WebSocketConfig;
}

/** Parts of the push and pull routes. */
export interface DataParts extends WebSocketParts {
  readonly pushGate: PushGate;
  readonly payloadPool: PayloadPool;
  readonly pullEncoders: PullEncoders;
}
