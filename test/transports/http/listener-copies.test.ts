/** Copies of a listening socket: many connections in an event-loop turn, and an orderly end. */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, test } from "vitest";
import { ListenerCopies } from "../../../src/transports/http/listener-copies.ts";
import { eventLoopTurns, until } from "../../support/until.ts";

const CONNECTIONS = 64;

async function listen() {
  const server = createServer((_request, response) => response.end("answer")).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

/** Opens connections at once, before the server accepts any. @returns how many it accepts in each turn */
async function acceptedPerTurn({ server, port }: Awaited<ReturnType<typeof listen>>) {
  const turns: number[] = [];
  let isNewTurn = true;
  server.on("connection", () => {
    if (isNewTurn) turns.push(0);
    isNewTurn = false;
    turns.push((turns.pop() ?? 0) + 1);
    setImmediate(() => {
      isNewTurn = true;
    });
  });
  const sockets = Array.from({ length: CONNECTIONS }, () => connect(port, "127.0.0.1"));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  while (turns.reduce((sum, count) => sum + count, 0) < CONNECTIONS)
    await new Promise((resolve) => setImmediate(resolve));
  for (const socket of sockets) socket.destroy();
  return turns;
}

test("several connections are accepted in a turn, and their requests are answered", async () => {
  const one = await listen();
  const copies = new ListenerCopies(one.server);
  await copies.open();
  const turns = await acceptedPerTurn(one);
  expect(Math.max(...turns)).toBeGreaterThan(1);
  expect(Math.max(...turns)).toBeLessThanOrEqual(32);
  for (let i = 0; i < 20; i++) {
    const answer = await fetch(`http://127.0.0.1:${one.port}/`, { headers: { connection: "close" } });
    expect(await answer.text()).toBe("answer");
  }
  one.server.close();
  await copies.close();
});

test("after the end, no handle accepts connections, and open ones are waited for", async () => {
  const { server, port } = await listen();
  const held: ServerResponse[] = [];
  server.removeAllListeners("request").on("request", (_request, response) => held.push(response));
  const copies = new ListenerCopies(server);
  await copies.open();
  const answers = Array.from({ length: CONNECTIONS }, () =>
    fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } }).then((answer) => answer.text()),
  );
  await until("all requests have arrived", () => held.length === CONNECTIONS);
  server.close();
  let isClosed = false;
  const closed = copies.close().then(() => {
    isClosed = true;
  });
  const [error] = await once(connect(port, "127.0.0.1"), "error");
  expect(error.code).toBe("ECONNREFUSED");
  await eventLoopTurns(2);
  expect(isClosed).toBe(false);
  for (const response of held) response.end("late");
  expect(new Set(await Promise.all(answers))).toEqual(new Set(["late"]));
  await closed;
});

test("a server that ends while the copies are opened has none", async () => {
  const { server, port } = await listen();
  const copies = new ListenerCopies(server);
  const opening = copies.open();
  server.close();
  await copies.close();
  await opening;
  const [error] = await once(connect(port, "127.0.0.1"), "error");
  expect(error.code).toBe("ECONNREFUSED");
});

test("a Node.js without the private handle is reported, and the server still answers", async () => {
  const { server, port } = await listen();
  const later = Object.create(server, { _handle: { value: undefined }, listening: { value: true } });
  const copies = new ListenerCopies(later);
  await expect(copies.open()).rejects.toThrow("does not show its listening handle");
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
  expect(await answer.text()).toBe("answer");
  server.close();
  await copies.close();
});
