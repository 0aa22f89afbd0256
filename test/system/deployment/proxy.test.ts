/** A gateway behind a proxy: trusted forwarding headers, and the path prefix. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createForwarding, createProxyTest } from "../../../src/access/forwarding.ts";
import { withoutPrefix } from "../../../src/transports/request/path-prefix.ts";
import { request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

describe("X-Forwarded-…", () => {
  type Request = Parameters<ReturnType<typeof createForwarding>>[0];
  const from = (trusted: string[], peer: string, headers: Record<string, string>) =>
    createForwarding(createProxyTest(trusted))({
      socket: { remoteAddress: peer },
      connection: { remoteAddress: peer },
      headers: { host: "gateway:8000", ...headers },
    } as unknown as Request);
  const forwarded = {
    "x-forwarded-for": "6.6.6.6, 10.0.0.9, 10.0.0.1",
    "x-forwarded-host": "forged.example, lab.example",
    "x-forwarded-proto": "https",
  };

  test("are ignored without a trusted proxy", () => {
    for (const trusted of [[], ["10.0.0.0/8"]])
      expect(from(trusted, "9.9.9.9", forwarded)).toEqual({
        address: "9.9.9.9",
        host: "gateway:8000",
        isSecure: false,
      });
  });

  test("are used from a trusted proxy, read from the right up to the first untrusted address", () => {
    expect(from(["10.0.0.0/24"], "10.0.0.2", forwarded)).toEqual({
      address: "6.6.6.6",
      host: "lab.example",
      isSecure: true,
    });
    expect(from(["10.0.0.1", "10.0.0.2"], "10.0.0.2", forwarded).address).toBe("10.0.0.9");
    expect(from(["loopback"], "::1", { "x-forwarded-for": "nonsense" }).address).not.toBe("");
    expect(from(["loopback"], "127.0.0.1", {})).toEqual({
      address: "127.0.0.1",
      host: "gateway:8000",
      isSecure: false,
    });
  });

  test("rejects a forged host and accepts the proxy's own host name", async () => {
    const headers = { "x-forwarded-host": "lab.example", origin: "https://lab.example" };
    await using direct = await startTestGateway(redis.url);
    expect((await request(direct.http, { headers })).status).toBe(403);
    await using behind = await startTestGateway(redis.url, {
      TRUST_PROXY: "loopback",
      ALLOWED_HOSTS: "lab.example",
    });
    expect((await request(behind.http, { headers })).status).toBe(200);
    expect(
      (await request(behind.http, { headers: { ...headers, origin: "https://evil.example" } })).status,
    ).toBe(403);
  });

  test("reports an invalid address at startup", async () => {
    await expect(startTestGateway(redis.url, { TRUST_PROXY: "everybody" })).rejects.toThrow(/everybody/);
  });
});

describe("a path prefix", () => {
  test.each([
    ["/streams/data/a?x=1", "/data/a?x=1"],
    ["/streams", "/"],
    ["/streams?x=1", "/?x=1"],
    ["/streamsdata", "/streamsdata"],
    ["/data/streams", "/data/streams"],
  ])("%s is %s", (url, inside) => {
    expect(withoutPrefix(url, "/streams")).toBe(inside);
    expect(withoutPrefix(url, "")).toBe(url);
  });

  test("serves paths with and without the prefix, and returns URLs with it", async () => {
    await using gateway: TestGateway = await startTestGateway(redis.url, { PATH_PREFIX: "/streams" });
    const bare = gateway.http.replace("/streams", "");
    for (const base of [gateway.http, bare]) {
      expect((await request(`${base}/data/a`, { method: "POST", body: "x" })).status).toBe(200);
      const page = await request(`${base}/data/a/entries?count=1`);
      expect(page.headers.link).toMatch(/^<\/streams\/data\/a\/entries\?/);
      expect((await request(`${base}/`)).json()).toMatchObject({ links: { docs: "/streams/docs" } });
      expect((await request(`${base}/docs`)).status).toBe(200);
      expect((await request(`${base}/openapi.json`)).json()).toMatchObject({
        servers: [{ url: "/streams" }],
      });
      await using pull = await connectSocket(
        `${base.replace("http", "ws")}/data/a/pull?last_entry_id=0&header=0`,
      );
      expect(await pull.text()).toBe("x");
    }
    const login = await request(`${gateway.http}/login`, { method: "POST", body: '{"token":"x"}' });
    expect(login.headers["set-cookie"]?.[0]).toContain("Path=/streams;");
  });
});
