/** The data routes of the WebSocket server: `/data/{stream_id}/push` and `/data/{stream_id}/pull`. */
import type { PushGate } from "../websocket-protocol/backpressure.ts";
import { selectAnyProtocol } from "../websocket-protocol/handshake.ts";
import type { PayloadPool } from "../websocket-protocol/memory/buffer-pool.ts";
import type { UpgradeRoute } from "../websocket-protocol/upgrade-route.ts";
import { MAX_CONTROL_BYTES } from "./control.ts";
import type { DataParts, WebSocketParts } from "./parts.ts";
import { servePull } from "./pull/pull.ts";
import { createPullEncoders } from "./pull/pull-encoder.ts";
import { servePush } from "./push/push.ts";

/** Creates the routes. */
export function createDataRoutes(
  given: WebSocketParts,
  payloadPool: PayloadPool,
  pushGate: PushGate,
): readonly UpgradeRoute[] {
  const { config } = given;
  const parts: DataParts = { ...given, pushGate, payloadPool, pullEncoders: createPullEncoders() };
  return [
    {
      kind: "push",
      path: /^\/data\/([^/]+)\/push\/?$/,
      parameters: "push",
      maxMessageBytes: config.maxMessageBytes,
      choose: selectAnyProtocol,
      serve: (request) => servePush(request, parts),
    },
    {
      kind: "pull",
      path: /^\/data\/([^/]+)\/pull\/?$/,
      parameters: "pull",
      // Pulling clients send only acks and control messages.
      maxMessageBytes: Math.min(MAX_CONTROL_BYTES, config.maxMessageBytes),
      choose: selectAnyProtocol,
      serve: (request) => servePull(request, parts),
    },
  ];
}
