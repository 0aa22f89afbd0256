/** Routes `/foxglove` and `/foxglove/{device}`: streams as channels of the Foxglove WebSocket protocol. */
import { GatewayError } from "../../domain/errors.ts";
import { SUBPROTOCOLS } from "../../wire/foxglove/server-messages.ts";
import type { TransportParts } from "../parts.ts";
import type { PushGate } from "../websocket-protocol/backpressure.ts";
import type { PayloadPool } from "../websocket-protocol/memory/buffer-pool.ts";
import type { UpgradeRoute } from "../websocket-protocol/upgrade-route.ts";
import { ChannelCatalog } from "./channels/channel-catalog.ts";
import { Viewer } from "./viewer.ts";
import { VIEWER_PATH } from "./viewer-path.ts";

/** Creates the route. */
export function createFoxgloveRoute(
  given: TransportParts,
  payloadPool: PayloadPool,
  pushGate: PushGate,
): UpgradeRoute {
  const { streams, access, config } = given;
  const catalog = new ChannelCatalog({ ...streams, workSlices: access.turns.slices });
  const parts = { ...given, catalog, payloadPool, pushGate };
  return {
    kind: "foxglove",
    path: VIEWER_PATH,
    parameters: "foxglove",
    maxMessageBytes: config.maxMessageBytes,
    choose: chooseProtocol,
    serve(request) {
      const viewer = new Viewer(request, parts);
      return {
        message: (bytes, isBinary, memory) => viewer.message(bytes, isBinary, memory),
        pong: (payload) => viewer.pong(payload),
        closed: () => viewer.stop(),
        end: (error) => viewer.end(error),
      };
    },
  };
}

/** Returns the first subprotocol that is one of this protocol. @throws GatewayError BAD_REQUEST */
function chooseProtocol(offered: readonly string[]): string {
  const found = offered.find((one) => SUBPROTOCOLS.includes(one));
  if (found !== undefined) return found;
  throw new GatewayError(
    "BAD_REQUEST",
    `the handshake must offer the subprotocol ${SUBPROTOCOLS.join(" or ")}, got ${JSON.stringify(offered.join(", ").slice(0, 100))}`,
  );
}
