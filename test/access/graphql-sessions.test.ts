/** GraphQL connections that outlive their credentials. */
import { describe, expect, test } from "vitest";
import { type OpenAnswer, openAnswer, request } from "../support/clients/http.ts";
import { connectSocket, type TestSocket } from "../support/clients/socket.ts";
import { openGuardedGateway } from "../support/gateway/own-gateway.ts";
import { bearer, tokenFor } from "../support/gateway/tokens.ts";
import { until } from "../support/until.ts";

const { redis, keys, gateway } = await openGuardedGateway();
/** Subscribed streams. */
let streams = 0;

/** A new key, once it is loaded. */
async function knownKey(name: string, permissions: readonly string[]): Promise<string> {
  const key = keys.add(name, permissions);
  const headers = bearer(key);
  await until("the key is known", async () => (await request(gateway.http, { headers })).status === 200);
  return key;
}

const ENDED = "the token has expired or its key was revoked";
const followOf = (stream: string) => `subscription { data(streamIds: {${stream}: "0"}) { string } }`;
const FOLLOW = followOf("cam");

/** The subprotocols, with the message types of each. */
const PROTOCOLS = [
  ["graphql-transport-ws", { start: "subscribe", stop: "complete", data: "next", pong: { type: "pong" } }],
  ["graphql-ws", { start: "start", stop: "stop", data: "data", pong: { type: "ka" } }],
] as const;

const send = (socket: TestSocket, message: object) => socket.send(JSON.stringify(message));

describe.each(PROTOCOLS)("a socket of %s", (protocol, words) => {
  const read = async (socket: TestSocket) => JSON.parse(await socket.text());
  const ping = (socket: TestSocket, text: string) => send(socket, { type: "ping", payload: { token: text } });

  /** A socket with a subscription to its own stream. */
  async function following(text: string): Promise<{ socket: TestSocket; stream: string }> {
    const socket = await connectSocket(`${gateway.ws}/graphql`, bearer(text), [protocol]);
    send(socket, { type: "connection_init" });
    expect(await read(socket)).toEqual({ type: "connection_ack" });
    const stream = `cam${++streams}`;
    send(socket, { id: "1", type: words.start, payload: { query: followOf(stream) } });
    const headers = bearer(await tokenFor(["admin"]));
    await until("it is noted that it follows", async () => {
      const { text } = await request(`${gateway.http}/admin/connections`, { headers });
      return text.includes(`"default:${stream}"`);
    });
    return { socket, stream };
  }

  test("stays open past the expiry of its token after a renewal", async () => {
    const key = await knownKey(protocol, ["read:default:cam*"]);
    const { socket, stream } = await following(key);
    await using other = await connectSocket(`${gateway.ws}/graphql`, bearer(key), [protocol]);
    send(other, { type: "connection_init" });
    ping(socket, await tokenFor([`read:default:${stream}`]));
    // The reply does not contain the token.
    expect(await read(socket)).toEqual(words.pong);
    keys.revoke(protocol);
    // Both sockets used the same key; when the other one is closed, this one would have been, too.
    expect(await other.closed).toEqual({ code: 4401, reason: `UNAUTHENTICATED: ${ENDED}` });
    await redis.control.call("XADD", `default:${stream}`, "*", "d", "x");
    expect(await read(socket)).toMatchObject({ id: "1", type: words.data });
    socket.raw.terminate();
  });

  test.each<[string, () => Promise<string> | string, number, RegExp]>([
    ["is not good", () => "made-up", 4401, /^UNAUTHENTICATED: this is neither an API key/],
    ["has expired", () => tokenFor(["read"], -1), 4401, /^UNAUTHENTICATED: the token/],
    [
      "permits less",
      () => tokenFor(["read:default:imu"]),
      4403,
      /^FORBIDDEN: jwt:alice .* read default:cam\d/,
    ],
  ])("is closed by a token that %s", async (_, make, code, reason) => {
    const { socket } = await following(await tokenFor(["read"]));
    ping(socket, await make());
    const closed = await socket.closed;
    expect(closed.code).toBe(code);
    expect(closed.reason).toMatch(reason);
  });

  test("a renewal need not permit subscriptions that have ended", async () => {
    const { socket } = await following(await tokenFor(["read"]));
    send(socket, { id: "1", type: words.stop });
    await socket.taken();
    ping(socket, await tokenFor(["read:default:imu"]));
    let message = await read(socket);
    // The older protocol confirms the end.
    if (message.type === "complete") message = await read(socket);
    expect(message).toEqual(words.pong);
    socket.raw.terminate();
  });
});

test("answers a ping with its payload", async () => {
  await using socket = await connectSocket(`${gateway.ws}/graphql`, bearer(await tokenFor(["read"])), [
    "graphql-transport-ws",
  ]);
  for (const payload of [{ at: 5 }, { token: 5 }, {}]) {
    socket.send(JSON.stringify({ type: "ping", payload }));
    expect(JSON.parse(await socket.text())).toEqual({ type: "pong", payload });
  }
  socket.send('{"type":"ping"}');
  expect(await socket.text()).toBe('{"type":"pong"}');
});

const EVENTS = { accept: "text/event-stream" };
const ENDED_EVENTS = `event: error\ndata: {"error":"${ENDED}","code":"UNAUTHENTICATED"}`;

/** Reads a response to its end. */
async function textOf(answer: OpenAnswer): Promise<string> {
  let text = "";
  for (let chunk = await answer.next(); chunk !== undefined; chunk = await answer.next()) text += chunk;
  return text;
}

describe.concurrent("closes with its token", () => {
  test.each(PROTOCOLS)("a socket of %s", async (protocol) => {
    const shown = bearer(await tokenFor(["read"], 2));
    await using socket = await connectSocket(`${gateway.ws}/graphql`, shown, [protocol]);
    send(socket, { type: "connection_init" });
    expect(await socket.closed).toEqual({ code: 4401, reason: `UNAUTHENTICATED: ${ENDED}` });
  });

  test("an operation over server-sent events, with an error event", async () => {
    const headers = { ...EVENTS, ...bearer(await tokenFor(["read"], 2)) };
    const url = `${gateway.http}/graphql?query=${encodeURIComponent(FOLLOW)}`;
    await using answer = await openAnswer(url, headers);
    const text = await textOf(answer);
    expect(text).toContain(ENDED_EVENTS);
    expect(text).not.toContain("event: complete");
  });
});

test("ends the events of operations with a revoked key, and no others", async () => {
  const own = bearer(await knownKey("own", ["read"]));
  const other = bearer(await tokenFor(["read"]));
  const reserved = await request(`${gateway.http}/graphql`, { method: "PUT", headers: own });
  const url = `${gateway.http}/graphql?token=${reserved.text}`;
  expect((await request(url, { headers: { ...EVENTS, ...other } })).status).toBe(404);
  await using answer = await openAnswer(url, { ...EVENTS, ...own });
  const start = (headers: Record<string, string>) =>
    request(url, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ query: FOLLOW, extensions: { operationId: "1" } }),
    });
  expect((await start(other)).status).toBe(404);
  expect((await start(own)).status).toBe(202);
  expect((await request(`${url}&operationId=1`, { method: "DELETE", headers: other })).status).toBe(404);
  keys.revoke("own");
  expect(await textOf(answer)).toContain(ENDED_EVENTS);
});
