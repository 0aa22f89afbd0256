/** Objects that idle WebSockets keep in memory. Counted after a full garbage collection, so that the numbers are exact. */
import { IncomingMessage } from "node:http";
import { queryObjects } from "node:v8";
import { expect, test } from "vitest";
import { openRaw, type RawConnection } from "../../support/clients/raw-connection.ts";
import { upgradeRequest } from "../../support/clients/raw-requests.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { eventLoopTurns, until } from "../../support/until.ts";

const SOCKETS = 40;

const { gateway } = await openOwnGateway();

/** Opens WebSockets. */
async function openSockets(count: number, path: string, protocol?: string): Promise<RawConnection[]> {
  const opened = Array.from({ length: count }, () => openRaw(gateway));
  for (const { socket } of opened) socket.write(upgradeRequest(path, protocol));
  await until("all handshakes", () => opened.every(({ received }) => received().startsWith("HTTP/1.1 101")));
  return opened;
}

async function closeSockets(opened: readonly RawConnection[]): Promise<void> {
  for (const { socket } of opened) socket.destroy();
  await Promise.all(opened.map(({ closed }) => closed));
}

/** Returns the objects of a constructor that each socket of a route keeps, on average. */
async function objectsPerSocket(
  ctor: typeof Function | typeof IncomingMessage,
  path: string,
  protocol?: string,
): Promise<number> {
  // Code and caches that the first sockets load are not counted.
  await closeSockets(await openSockets(2, path, protocol));
  await eventLoopTurns(20);
  const before = queryObjects(ctor, { format: "count" });
  const opened = await openSockets(SOCKETS, path, protocol);
  await eventLoopTurns(20);
  const after = queryObjects(ctor, { format: "count" });
  await closeSockets(opened);
  return (after - before) / SOCKETS;
}

test.each([
  ["/data/s/pull", undefined],
  ["/data/s/pull?latest=1", undefined],
  ["/data/s/push", undefined],
  ["/data/s/work/g", undefined],
  ["/graphql", "graphql-transport-ws"],
  ["/foxglove", "foxglove.sdk.v1"],
])("an open socket keeps nothing of its handshake: %s", async (path, protocol) => {
  expect(await objectsPerSocket(IncomingMessage, path, protocol)).toBe(0);
});

// Nine of them are those of Node and of this test. One function with its context is 100 bytes, so that a part written as
// functions instead of methods is visible in what an idle client costs (docs/decisions/0008-own-websocket-frames.md).
test("an idle pull client needs few functions of its own", async () => {
  expect(await objectsPerSocket(Function, "/data/s/pull")).toBeLessThan(22);
});
