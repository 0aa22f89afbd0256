/** WebSocket routes that are requested without an upgrade: the error names the usual cause. */
import type { FastifyInstance } from "fastify";
import { GatewayError } from "../../../domain/errors.ts";

/** Adds the routes. */
export function addUpgradeHints(app: FastifyInstance): void {
  for (const direction of ["push", "pull"]) {
    app.get(`/data/:stream_id/${direction}`, () => {
      throw upgradeRequired(`/data/{stream_id}/${direction}`);
    });
  }
  app.get("/foxglove", () => {
    throw upgradeRequired("/foxglove");
  });
  app.get("/foxglove/:device", () => {
    throw upgradeRequired("/foxglove/{device}");
  });
}

const upgradeRequired = (path: string): GatewayError =>
  new GatewayError(
    "UPGRADE_REQUIRED",
    `${path} is a WebSocket: connect with ws:// or wss://. If the client does, a proxy removed the Upgrade header; configure it to pass on Upgrade and Connection`,
  );
