/** Connections that outlive their credentials. */

import { connect } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { openAnswer, request } from "../support/clients/http.ts";
import { connectSocket } from "../support/clients/socket.ts";
import { startTestGateway } from "../support/gateway/gateway.ts";
import { openGuardedGateway } from "../support/gateway/own-gateway.ts";
import { bearer, guardedBy, tokenFor } from "../support/gateway/tokens.ts";
import { until } from "../support/until.ts";

const { redis, keys, gateway } = await openGuardedGateway();

const control = (text: string) => JSON.stringify({ token: text });

describe.concurrent("when a token expires, its sockets close with 4401", () => {
  test.each(["pull?block=0", "push?ack=1"])("%s", async (route) => {
    await using socket = await connectSocket(
      `${gateway.ws}/data/cam/${route}`,
      bearer(await tokenFor(["admin"], 2)),
    );
    expect(await socket.closed).toEqual({
      code: 4401,
      reason: "UNAUTHENTICATED: the token has expired or its key was revoked",
    });
  });

  test("sends an error event and ends an event stream", async () => {
    await using events = await openAnswer(
      `${gateway.http}/data/cam/events`,
      bearer(await tokenFor(["read"], 2)),
    );
    let text = "";
    for (let chunk = await events.next(); chunk !== undefined; chunk = await events.next()) text += chunk;
    expect(text).toContain("event: error\n");
    expect(text).toContain("UNAUTHENTICATED");
  });

  test("ends a picture stream", async () => {
    await using pictures = await openAnswer(
      `${gateway.http}/data/cam/mjpeg`,
      bearer(await tokenFor(["read"], 2)),
    );
    expect(pictures.status).toBe(200);
    // The next chunk may be the beginning of the stream, which is sent first.
    while ((await pictures.next()) !== undefined);
  });

  test("answers a waiting GET with 401", async () => {
    const headers = bearer(await tokenFor(["read"], 2));
    const answer = await request(`${gateway.http}/data/cam?block=600000`, { headers });
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
    expect(answer.json()).toEqual({
      error: "the token has expired or its key was revoked",
      code: "UNAUTHENTICATED",
    });
  });

  test("a revoked key ends waiting and streaming HTTP requests, and rejects bodies in progress", async () => {
    const key = keys.add("leaving", ["admin"]);
    const headers = bearer(key);
    const isKnown = async () => (await request(gateway.http, { headers })).status === 200;
    await until("it is known", isKnown);
    await using events = await openAnswer(`${gateway.http}/data/left/events`, headers);
    await using pictures = await openAnswer(`${gateway.http}/data/left/mjpeg`, headers);
    const waiting = request(`${gateway.http}/data/left?block=600000`, { headers });
    const upload = connect(Number(new URL(gateway.http).port), "127.0.0.1");
    const answered = new Promise<string>((resolve) => {
      let text = "";
      upload.on("data", (chunk) => {
        text += chunk;
        if (text.includes('"code"')) resolve(text);
      });
    });
    upload.write(
      `POST /data/left HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nContent-Length: 2\r\n\r\nx`,
    );
    keys.revoke("leaving");
    let text = "";
    for (let chunk = await events.next(); chunk !== undefined; chunk = await events.next()) text += chunk;
    expect(text).toContain("UNAUTHENTICATED");
    while ((await pictures.next()) !== undefined);
    expect((await waiting).status).toBe(401);
    upload.write("y");
    expect(await answered).toMatch(/^HTTP\/1.1 401 .*UNAUTHENTICATED/s);
    upload.destroy();
    expect(await redis.control.call("EXISTS", "default:left")).toBe(0);
  });

  test("a revoked key closes its own connections and no others", async () => {
    const [going, staying] = [keys.add("going", ["read"]), keys.add("staying", ["read"])];
    await until(
      "both are known",
      async () => (await request(gateway.http, { headers: bearer(staying) })).status === 200,
    );
    await using one = await connectSocket(`${gateway.ws}/data/cam/pull?block=0`, bearer(going));
    await using other = await connectSocket(`${gateway.ws}/data/cam/pull?block=1`, bearer(staying));
    keys.revoke("going");
    expect((await one.closed).code).toBe(4401);
    await other.next();
    expect(other.raw.readyState).toBe(WebSocket.OPEN);
  });
});

describe("a client may renew its token on the same socket", () => {
  test("a push continues past the expiry of its first token", async () => {
    await using short = await connectSocket(
      `${gateway.ws}/data/cam/pull?block=0`,
      bearer(await tokenFor(["read"], 2)),
    );
    await using socket = await connectSocket(
      `${gateway.ws}/data/cam/push?ack=1&control=1`,
      bearer(await tokenFor(["write:default:cam"], 2)),
    );
    socket.send(control(await tokenFor(["write:default:cam"])));
    // Both tokens expire in the same second; when the other socket is closed, this one would have been, too.
    await short.closed;
    socket.send("[]");
    socket.send(Buffer.from("x"));
    expect(await socket.text()).toMatch(/^\["\d+-\d+"\]$/);
  });

  test.each<[string, string, () => Promise<string>, number, RegExp]>([
    [
      "one that is not good",
      "pull",
      () => Promise.resolve(control("made-up")),
      4401,
      /UNAUTHENTICATED: this is neither an API key/,
    ],
    [
      "a token with fewer permissions",
      "pull",
      async () => control(await tokenFor(["write"])),
      4403,
      /FORBIDDEN: jwt:alice .* read default:cam/,
    ],
    [
      "a token with fewer permissions",
      "push",
      async () => control(await tokenFor(["read"])),
      4403,
      /FORBIDDEN: jwt:alice .* write default:cam/,
    ],
    [
      "an unknown control message",
      "pull",
      () => Promise.resolve('{"invalid": 1}'),
      1008,
      /BAD_PAYLOAD: a control message/,
    ],
    ["invalid JSON", "push", () => Promise.resolve('{"token": '), 1008, /BAD_PAYLOAD: a control message/],
  ])("%s on a %s closes it", async (_, route, message, code, reason) => {
    await using socket = await connectSocket(
      `${gateway.ws}/data/cam/${route}?control=1&block=0`,
      bearer(await tokenFor(["read", "write"])),
    );
    socket.send(await message());
    const closed = await socket.closed;
    expect(closed.code).toBe(code);
    expect(closed.reason).toMatch(reason);
  });

  test("without control=1 a renewal is data: an entry, an ack", async () => {
    await using push = await connectSocket(
      `${gateway.ws}/data/texts/push?header=0&ack=1`,
      bearer(await tokenFor(["admin"])),
    );
    push.send('{"token": "x"}');
    await push.next();
    await using pull = await connectSocket(
      `${gateway.ws}/data/texts/pull?header=0&last_entry_id=0`,
      bearer(await tokenFor(["admin"])),
    );
    expect(await pull.text()).toBe('{"token": "x"}');
  });

  test("with control=1 any other message is an ack", async () => {
    for (const data of ["1", "2"])
      await request(`${gateway.http}/data/acked`, {
        method: "POST",
        body: data,
        headers: bearer(await tokenFor(["admin"])),
      });
    await using pull = await connectSocket(
      `${gateway.ws}/data/acked/pull?header=0&ack=1&control=1&last_entry_id=0`,
      bearer(await tokenFor(["admin"])),
    );
    expect(await pull.text()).toBe("1");
    pull.send("[]");
    expect(await pull.text()).toBe("2");
  });
});

describe("a push that names the streams of its entries", () => {
  const push = async (permissions: readonly string[]) =>
    connectSocket(`${gateway.ws}/data/mine/push?ack=1`, bearer(await tokenFor(permissions)));

  test("may write to the streams that its token permits", async () => {
    await using socket = await push(["write:default:mine", "write:default:too"]);
    for (let i = 0; i < 3; i++) {
      socket.send('[["mine",1],["too",2]]');
      socket.send(Buffer.from("ab"));
      expect(await socket.text()).toMatch(/^\["\d+-\d+","\d+-\d+"\]$/);
    }
  });

  test("stores nothing of a batch with another stream", async () => {
    const before = await redis.control.call("XLEN", "default:mine");
    await using socket = await push(["write:default:mine"]);
    socket.send('[["mine",1],["yours",2]]');
    socket.send(Buffer.from("ab"));
    expect(await socket.closed).toEqual({
      code: 4403,
      reason: "FORBIDDEN: jwt:alice has no permission to write default:yours",
    });
    expect(await redis.control.call("XLEN", "default:mine")).toEqual(before);
    expect(await redis.control.call("EXISTS", "default:yours")).toBe(0);
  });

  test("stores nothing of such a POST", async () => {
    const answer = await request(`${gateway.http}/data/*?format=json`, {
      method: "POST",
      headers: { ...bearer(await tokenFor(["write:default:mine"])), "content-type": "application/json" },
      body: '[["mine",null,"a"],["yours",null,"b"]]',
    });
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("write default:yours");
    expect(await redis.control.call("EXISTS", "default:yours")).toBe(0);
  });
});

describe("browsers", () => {
  const offer = (protocols: string[]) =>
    new Promise<string>((resolve, reject) => {
      const socket = new WebSocket(`${gateway.ws}/data/cam/pull`, protocols);
      socket.on("open", () => {
        resolve(socket.protocol);
        socket.terminate();
      });
      socket.on("error", reject);
    });

  test("may send a token as a subprotocol; the gateway selects another one if it can", async () => {
    const protocol = `bearer.${await tokenFor(["read"])}`;
    expect(await offer([protocol])).toBe(protocol);
    expect(await offer([protocol, "redis-streamer"])).toBe("redis-streamer");
    await expect(offer(["redis-streamer"])).rejects.toThrow("401");
    await expect(offer(["bearer.made-up", "redis-streamer"])).rejects.toThrow("401");
  });

  test("log in with a cookie that is hidden from scripts, and return to the previous page", async () => {
    const good = await tokenFor(["read"], 3600);
    const form = new URLSearchParams({ token: good, next: "/docs" }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await request(`${gateway.http}/login`, { method: "POST", headers, body: form });
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toBe("/docs");
    const [cookie = ""] = answer.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(
      /^redis_streamer_token=[^;]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=3\d{3}$/,
    );
    const shown = { cookie: cookie.split(";")[0] ?? "" };
    expect((await request(`${gateway.http}/openapi.json`, { headers: shown })).status).toBe(200);
    const out = await request(`${gateway.http}/logout`, { method: "POST", headers: shown });
    expect(out.headers["set-cookie"]?.[0]).toContain(
      "redis_streamer_token=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
    );
  });

  test("receive their identity, permissions and expiry", async () => {
    const token = await tokenFor(["read:rover:*", "admin"], 3600);
    const { status, text, headers } = await request(`${gateway.http}/session`, { headers: bearer(token) });
    expect(status).toBe(200);
    expect(headers["cache-control"]).toBe("no-store");
    const { identity, permissions, expires } = JSON.parse(text);
    expect([identity, permissions]).toEqual(["jwt:alice", ["read:rover:*", "admin:*"]]);
    expect(Date.parse(expires)).toBeGreaterThan(Date.now());
    expect((await request(`${gateway.http}/session`)).status).toBe(401);
    expect((await request(`${gateway.http}/session`, { headers: bearer("made-up") })).status).toBe(401);
  });

  const returnsTo = async (next: string) => {
    const body = new URLSearchParams({ token: await tokenFor(["read"]), next }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await request(`${gateway.http}/login`, { method: "POST", headers, body });
    expect(answer.status).toBe(303);
    return answer.headers.location ?? "";
  };

  test.each([
    ...["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", ""],
    ...["/\t/evil.example/", "/\n/evil.example", "/\r/evil.example", "/\t\\evil.example", "\t//evil.example"],
    ...["/.//evil.example", "/a/..//evil.example", "/%2e//evil.example", "///evil.example", "//["],
    ...[" //evil.example", "/\\/evil.example", `/${"a".repeat(10_000)}`, "evil.example"],
  ])("are sent nowhere else: %j", async (next) => {
    expect(await returnsTo(next)).toBe("/");
    expect((await request(`${gateway.http}/login?next=${encodeURIComponent(next)}`)).text).toContain(
      'name="next" value="/"',
    );
  });

  test.each([
    ["/docs", "/docs"],
    ["/\u0000//[", "/%00//["],
    ["/#open=default%3Acam", "/#open=default%3Acam"],
    ["/a\u0000b\r\nset-cookie: x=1", "/a%00bset-cookie:%20x=1"], // cspell:ignore bset,
    ["/graphql?query={a}&x=é\ud800", "/graphql?query={a}&x=%C3%A9%EF%BF%BD"],
  ])("are sent back to %j, in characters that a header may have", async (next, path) => {
    expect(await returnsTo(next)).toBe(path);
  });

  test("are never redirected to another site, whatever the text, as a browser resolves it", async () => {
    const piece = fc.constantFrom(
      ...[
        "/",
        "\\",
        "\t",
        "\n",
        "\r",
        "\u0000",
        ".",
        "..",
        "%2e",
        "%2f",
        "%5c",
        "%09",
        "@",
        ":",
        "?",
        "#",
        " ",
      ],
      ...["evil.example", "http:", "a", "[", "é", "\ufffd", "\ud800"],
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        const location = await returnsTo(`/${pieces.join("")}`);
        expect(location).toMatch(/^\/[\x21-\x7e]*$/);
        expect(new URL(location, gateway.http).origin).toBe(gateway.http);
      }),
      { numRuns: 300 },
    );
  });

  test("are redirected to the login when they request a page", async () => {
    const answer = await request(`${gateway.http}/docs?x="><script>`, { headers: { accept: "text/html" } });
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
    expect(answer.text).toContain('<form method="post" action="/login">');
    expect(answer.text).not.toContain('"><script>');
  });

  test("receive an error and no cookie for an invalid login", async () => {
    const answer = await request(`${gateway.http}/login`, { method: "POST", body: '{"token":"made-up"}' });
    expect(answer.status).toBe(401);
    expect(answer.headers["set-cookie"]).toBeUndefined();
  });
});

describe("a ticket", () => {
  const ticketOf = async (shown: Record<string, string>, body?: unknown) => {
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await request(`${gateway.http}/tickets`, { method: "POST", headers: shown, ...text });
    return { answer, ticket: (answer.json() as { ticket: string }).ticket };
  };
  const status = async (path: string, ticket: string, method = "GET") => {
    const url = `${gateway.http}${path}${path.includes("?") ? "&" : "?"}ticket=${ticket}`;
    return (await request(url, { method })).status;
  };

  test("issues no tickets, so it expires as stated", async () => {
    const { ticket } = await ticketOf(bearer(await tokenFor(["admin"])));
    const answer = await request(`${gateway.http}/tickets?ticket=${ticket}`, { method: "POST" });
    expect([answer.status, answer.json()]).toMatchObject([403, { code: "FORBIDDEN" }]);
    const { ticket: scoped } = await ticketOf(bearer(await tokenFor(["admin"])), {
      route: "post",
      stream: "cam",
    });
    expect(await status("/tickets", scoped, "POST")).toBe(403);
    // It is not accepted as a token either.
    const other = (await ticketOf(bearer(await tokenFor(["admin"])))).ticket;
    expect(
      (await request(`${gateway.http}/tickets`, { method: "POST", headers: bearer(other) })).status,
    ).toBe(401);
  });

  test("for a route and a stream permits nothing else", async () => {
    const shown = bearer(await tokenFor(["admin"]));
    const make = async () =>
      (await ticketOf(shown, { route: "get", stream: "cam", device: "lab", prefix: "x-" })).ticket;
    expect(await status("/data/cam?block=0&device_id=lab&prefix=x-", await make())).toBe(200);
    for (const path of [
      "/data/cam?block=0",
      "/data/other?block=0&device_id=lab&prefix=x-",
      "/data/cam+other?block=0&device_id=lab&prefix=x-",
      "/data/cam/entries?device_id=lab&prefix=x-",
      "/data/cam/events?device_id=lab&prefix=x-",
      "/admin/connections",
      "/metrics",
      "/graphql?query={streamIds}",
      "/",
      "/docs",
    ])
      expect(`${path} ${await status(path, await make())}`).toBe(`${path} 403`);
    expect(await status("/data/cam?device_id=lab&prefix=x-", await make(), "POST")).toBe(403);
  });

  test("for several streams permits a live response of them, and no WebSocket", async () => {
    const body = { route: "events", streams: ["cam", "*"] };
    const { ticket } = await ticketOf(bearer(await tokenFor(["read"])), body);
    await using events = await openAnswer(`${gateway.http}/data/cam+*/events?ticket=${ticket}`);
    expect(events.status).toBe(200);
    const { ticket: second } = await ticketOf(bearer(await tokenFor(["read"])), body);
    await expect(connectSocket(`${gateway.ws}/data/cam/pull?ticket=${second}`)).rejects.toThrow("403");
    // A stream named * is that one stream.
    const { ticket: third } = await ticketOf(bearer(await tokenFor(["read"])), body);
    expect(await status("/data/secret/events", third)).toBe(403);
  });

  test("is not issued for a stream that its key may not use", async () => {
    const shown = bearer(await tokenFor(["read:default:cam"]));
    expect((await ticketOf(shown, { route: "pull", stream: "cam" })).answer.status).toBe(200);
    expect((await ticketOf(shown, { route: "push", stream: "cam" })).answer.status).toBe(403);
    expect((await ticketOf(shown, { route: "pull", stream: "other" })).answer.status).toBe(403);
    expect((await ticketOf(shown, { route: "pull", stream: "cam", device: "*" })).answer.status).toBe(403);
  });

  test("without a device is for the default one; with an empty device it is for the key itself", async () => {
    const path = "/data/cam?block=0";
    const make = async (device: object) =>
      (await ticketOf(bearer(await tokenFor(["read"])), { route: "get", stream: "cam", ...device })).ticket;
    expect(await status(path, await make({}))).toBe(200);
    expect(await status(`${path}&device_id=`, await make({}))).toBe(403);
    expect(await status(path, await make({ device: "" }))).toBe(403);
    expect(await status(`${path}&device_id=`, await make({ device: "" }))).toBe(200);
  });

  test.each([
    ["an unknown route", { route: "everything", stream: "cam" }, "BAD_PARAMETER"],
    ["no stream", { route: "pull" }, "BAD_PARAMETER"],
    ["no route", { stream: "cam" }, "BAD_PARAMETER"],
    ["an empty list", { route: "pull", streams: [] }, "BAD_PARAMETER"],
    ["a stream that is no text", { route: "pull", stream: 7 }, "BAD_PARAMETER"],
    ["a device that is no text", { route: "pull", stream: "cam", device: {} }, "BAD_PARAMETER"],
    ["a misspelt member", { rout: "pull" }, "BAD_PARAMETER"],
    ["a device and no route", { device: "lab" }, "BAD_PARAMETER"],
    ["a body that is no object", [1], "BAD_BODY"],
  ])("for %s is not made", async (_, body, code) => {
    const { answer } = await ticketOf(bearer(await tokenFor(["admin"])), body);
    expect([answer.status, answer.json()]).toMatchObject([400, { code }]);
  });

  test.each([
    ["stream", { route: "pull", stream: "a".repeat(1025) }],
    ["streams", { route: "pull", streams: ["a".repeat(1025)] }],
    ["device", { route: "pull", stream: "a", device: "a".repeat(1025) }],
  ])("with a name that is too long is rejected: the error names the member %s", async (member, body) => {
    const { answer } = await ticketOf(bearer(await tokenFor(["admin"])), body);
    expect(answer.json()).toMatchObject({ error: `${member} must be at most 1024 bytes, got 1025` });
  });

  test("requested with an empty object has the permissions of its key", async () => {
    const { ticket } = await ticketOf(bearer(await tokenFor(["read"])), {});
    expect(await status("/data/cam?block=0", ticket)).toBe(200);
  });
});

test("a ticket of one gateway is accepted once by another one", async () => {
  await using other = await startTestGateway(redis.url, guardedBy(keys));
  const answer = await request(`${gateway.http}/tickets`, {
    method: "POST",
    headers: bearer(await tokenFor(["read:default:cam"])),
  });
  const { ticket, expires_in } = answer.json() as { ticket: string; expires_in: number };
  expect(expires_in).toBe(30);
  const url = `${other.http}/data/cam?block=0&ticket=${ticket}`;
  expect((await request(url)).status).toBe(200);
  expect((await request(url)).status).toBe(401);
});
