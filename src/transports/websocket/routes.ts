/** The data routes of the WebSocket server: `/data/{stream_id}/push` and `/data/{stream_id}/pull`. */
import type { PayloadPool } from "../websocket-protocol/buffer-pool.ts";
import { selectAnyProtocol } from "../websocket-protocol/handshake.ts";
import type { UpgradeRoute } from "../websocket-protocol/upgrade-route.ts";
import { MOST_CONTROL_BYTES } from "./control.ts";
import type { DataParts, WebSocketParts } from "./parts.ts";
import { servePull } from "./pull/pull.ts";
import { createPullEncoders } from "./pull/pull-encoder.ts";
import { createPushGate } from "./push/backpressure.ts";
import { servePush } from "./push/push.ts";

/** Creates the routes. */
export function createDataRoutes(given: WebSocketParts, payloadPool: PayloadPool): readonly UpgradeRoute[] {
  const { config, observe } = given;
  const pushGate = createPushGate({
    perSocketBytes: config.pushInFlightBytes,
    totalBytes: config.totalInFlightBytes,
    counters: observe.counters,
  });
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
      maxMessageBytes: Math.min(MOST_CONTROL_BYTES, config.maxMessageBytes),
      choose: selectAnyProtocol,
      serve: (request) => servePull(request, parts),
    },
  ];
}
