/** Size limits of bodies and messages, enforced on every route before parsing. */
import { describe, expect, test } from "vitest";
import { request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";

const { gateway } = await openOwnGateway({ MAX_BATCH_ENTRIES: "100" });

const KB = 1024;

async function send(method: string, path: string, body: string, type: string) {
  const answer = await request(gateway.http + path, {
    method,
    body,
    headers: { "content-type": type, "content-length": String(body.length) },
  });
  return [answer.status, answer.status < 400 ? undefined : /[A-Z]+_[A-Z_]+/.exec(answer.text)?.[0]];
}

describe("a route that needs only a small body rejects more than 16 KB", () => {
  test.each([
    ["POST", "/login", "application/json"],
    ["POST", "/login", "application/x-www-form-urlencoded"],
    ["POST", "/logout", "text/plain"],
    ["POST", "/tickets", "application/json"],
    ["DELETE", "/admin/connections/x", "application/json"],
    ["PUT", "/graphql", "application/json"],
    ["DELETE", "/graphql", "application/json"],
  ])("%s %s, %s", async (method, path, type) => {
    expect(await send(method, path, " ".repeat(16 * KB + 1), type)).toEqual([413, "TOO_LARGE"]);
    expect((await send(method, path, " ".repeat(16 * KB), type))[0]).not.toBe(413);
  });
});

test("reports a wrong path even if the body is too large", async () => {
  expect(await send("POST", "/dat/x", "x".repeat(100 * KB), "text/plain")).toEqual([404, "NOT_FOUND"]);
  expect(await send("PUT", "/data/x", "x".repeat(100 * KB), "text/plain")).toEqual([
    405,
    "METHOD_NOT_ALLOWED",
  ]);
});

test("stores an entry of up to MAX_MESSAGE_BYTES", async () => {
  expect((await send("POST", "/data/large", "x".repeat(300 * KB), "text/plain"))[0]).toBe(200);
});

describe("a GraphQL request is measured before it is parsed", () => {
  const many = `{"query":"{ __typename }","variables":{"a":[${"[],".repeat(60_000)}[]]}}`;
  const deep = `{"query":"{ __typename }","variables":{"a":${"[".repeat(300)}${"]".repeat(300)}}}`;

  test.each([
    ["many values", many],
    ["deep values", deep],
  ])("%s", async (_, body) => {
    expect(await send("POST", "/graphql", body, "application/json")).toEqual([413, "TOO_LARGE"]);
    const events = await request(`${gateway.http}/graphql`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", accept: "text/event-stream" },
    });
    expect(events.text).toContain("BAD_REQUEST");
    await using socket = await connectSocket(`${gateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
    socket.send(body);
    expect((await socket.closed).code).toBe(4400);
  });

  test("the variables of a GET", async () => {
    const variables = encodeURIComponent(`{"a":${"[".repeat(300)}${"]".repeat(300)}}`);
    const { status } = await request(`${gateway.http}/graphql?query=%7B__typename%7D&variables=${variables}`);
    expect(status).toBe(413);
  });
});

describe("messages of a WebSocket", () => {
  test("a pulling client that sends a large message is closed with 1009", async () => {
    await using socket = await connectSocket(`${gateway.ws}/data/x/pull?control=1`);
    socket.send(`{"token":1,"a":[${"[],".repeat(20_000)}[]]}`);
    expect((await socket.closed).code).toBe(1009);
  });

  test("a pushing client that sends a large control message is closed with 1009", async () => {
    await using socket = await connectSocket(`${gateway.ws}/data/x/push?control=1`);
    socket.send(`{"token":1,"a":[${"[],".repeat(20_000)}[]]}`);
    const { code, reason } = await socket.closed;
    expect([code, reason]).toEqual([
      1009,
      expect.stringContaining("a control message must be at most 32768"),
    ]);
  });
});

describe("multipart bodies", () => {
  const part = (name: string, filename = "") =>
    `--b\r\nContent-Disposition: form-data; name="${name}"${filename}\r\n\r\nx\r\n`;
  const post = (body: string, boundary = "b") =>
    send("POST", "/data/parts", body, `multipart/form-data; boundary=${boundary}`);

  test("stores as many parts as a batch may have entries", async () => {
    expect((await post(`${part("entries").repeat(100)}--b--\r\n`))[0]).toBe(200);
  });

  test("rejects more parts before parsing them", async () => {
    expect(await post(`${part("entries").repeat(101)}--b--\r\n`)).toEqual([413, "TOO_LARGE"]);
    expect(await post(`${part("entries").repeat(200_000)}--b--\r\n`)).toEqual([413, "TOO_LARGE"]);
  });

  test("counts boundaries that cross two pieces of the search", async () => {
    const filler = `--b\r\nContent-Disposition: form-data; name="entries"\r\n\r\n${"x".repeat(256 * KB)}\r\n`;
    expect((await post(`${filler.repeat(100)}--b--\r\n`))[0]).toBe(200);
    expect((await post(`${filler.repeat(101)}--b--\r\n`))[0]).toBe(413);
  });

  test.each([
    ["a part with megabytes of headers", `--b\r\n${"X-A: b\r\n".repeat(100_000)}\r\n\r\n--b--\r\n`, "b"],
    ["a boundary over 70 characters", part("entries"), "b".repeat(71)],
    ["no boundary", part("entries"), ""],
    ["a part with another name", `${part("other")}--b--\r\n`, "b"],
    ["an end in the middle of a part", part("entries"), "b"],
  ])("%s is rejected", async (_, body, boundary) => {
    expect(await post(body, boundary)).toEqual([400, "BAD_BODY"]);
  });
});
