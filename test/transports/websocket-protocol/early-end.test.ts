/**
 * Clients that end their side of the connection together with their handshake: the gateway ends its side, too. Verifying a token takes so
 * long that the end arrives before the handshake is accepted.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { upgradeRequest } from "../../support/clients/raw-requests.ts";
import { openGuardedGateway } from "../../support/gateway/own-gateway.ts";
import { tokenFor } from "../../support/gateway/tokens.ts";

const { gateway } = await openGuardedGateway();

test.each([
  ["/data/s/pull", ""],
  ["/data/s/push", ""],
  ["/data/s/work/g", ""],
  ["/graphql", "graphql-transport-ws, "],
  ["/foxglove", "foxglove.sdk.v1, "],
])("%s", async (path, protocol) => {
  const socket = connect(Number(new URL(gateway.http).port), "127.0.0.1");
  let received = "";
  socket.setEncoding("latin1").on("data", (text) => {
    received += text;
  });
  const token = await tokenFor(["*:*"]);
  socket.end(upgradeRequest(path, `${protocol}bearer.${token}`));
  await once(socket, "close");
  expect(received).toMatch(/^HTTP\/1\.1 101 /);
});
