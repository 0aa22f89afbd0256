/** WebSocket routes that are requested without an upgrade: the error names the usual cause. */
import type { FastifyInstance } from "fastify";
import { GatewayError } from "../../../domain/errors.ts";

/** Adds the routes. */
export function addUpgradeHints(app: FastifyInstance): void {
  for (const direction of ["push", "pull"]) {
    app.get(`/data/:stream_id/${direction}`, () => {
      throw new GatewayError(
        "UPGRADE_REQUIRED",
        `/data/{stream_id}/${direction} is a WebSocket: connect with ws:// or wss://. If the client does, a proxy removed the Upgrade header; configure it to pass on Upgrade and Connection`,
      );
    });
  }
}
