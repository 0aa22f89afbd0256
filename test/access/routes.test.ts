/** Access control of every route: with every permission, and with every invalid token. */
import { createSecretKey, generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { request } from "../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../support/gateway/gateway.ts";
import { createTestKeys, type TestKeys } from "../support/gateway/keys.ts";
import { ROUTES, type Route, statusOf, successOf } from "../support/gateway/routes.ts";
import { silent, startRedis, type TestRedis } from "../support/redis/redis.ts";
import { until } from "../support/until.ts";

const SECRET = "a secret of more than thirty-two bytes";
const AUDIENCE = "gateway";
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const otherRsa = generateKeyPairSync("rsa", { modulusLength: 2048 });

let redis: TestRedis;
let gateway: TestGateway;
let keys: TestKeys;
/** Logged warnings. */
const logged: object[] = [];
let scraper: Record<string, string>;
let settings: Record<string, string>;

const rejectionsNow = async () => {
  const { text } = await request(`${gateway.http}/metrics`, { headers: scraper });
  return Number(/^redis_streamer_rejections_total\{code="UNAUTHENTICATED"\} (\d+)$/m.exec(text)?.[1] ?? 0);
};

beforeAll(async () => {
  redis = await startRedis();
  keys = createTestKeys();
  const publicKey = join(keys.dir, "public.pem");
  writeFileSync(publicKey, rsa.publicKey.export({ type: "spki", format: "pem" }));
  settings = {
    AUTH: "1",
    AUTH_KEYS_FILE: keys.path,
    JWT_SECRET: SECRET,
    JWT_KEYS: publicKey,
    JWT_AUDIENCE: AUDIENCE,
    JWT_CLOCK_TOLERANCE_MS: "0",
  };
  gateway = await startGateway();
  scraper = bearer(await token(undefined, secret, ["read::metrics"]));
});
afterAll(async () => {
  await gateway.close();
  keys[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
});

function startGateway(): Promise<TestGateway> {
  const warn = (fields: object, message: string) => logged.push({ ...fields, message });
  return startTestGateway(redis.url, settings, { ...silent, warn });
}

/** Sends a request to a route, after adding an entry to read. */
async function send(
  route: Route,
  stream: string,
  shown: Record<string, string>,
  query?: string,
): Promise<string> {
  await redis.control.call("XADD", `default:${stream}`, "*", "d", "x");
  return route.send(gateway, stream, shown, query);
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Creates a valid token with changes. */
function token(
  change: (jwt: SignJWT) => SignJWT = (jwt) => jwt,
  key: Parameters<SignJWT["sign"]>[0] = secret,
  permissions: readonly string[] = ["admin"],
  alg = "HS256",
): Promise<string> {
  const jwt = new SignJWT({ permissions: [...permissions] })
    .setProtectedHeader({ alg })
    .setSubject("alice")
    .setAudience(AUDIENCE)
    .setExpirationTime("1h");
  return change(jwt).sign(key);
}
const secret = createSecretKey(Buffer.from(SECRET));
const nowS = () => Math.floor(Date.now() / 1000);

/** A new key is loaded within the polling interval. */
async function knownKey(permissions: readonly string[], name = "known"): Promise<string> {
  const key = keys.add(name, permissions);
  await until(
    "the key is known",
    async () => (await request(`${gateway.http}/`, { headers: bearer(key) })).status === 200,
  );
  return key;
}

describe("every route accepts exactly its permission", () => {
  const PERMISSIONS: readonly (readonly [
    permissions: readonly string[],
    allowed: readonly Route["needs"][],
  ])[] = [
    [["read:default:cam"], ["read"]],
    [["read:default:*"], ["read"]],
    [["read:*:c*m"], ["read"]],
    [["work:default:cam"], ["work"]],
    [["write:default:cam"], ["work", "write"]],
    [
      ["read:default:cam", "write:default:cam"],
      ["read", "work", "write"],
    ],
    [["admin:default:cam"], ["read", "work", "write", "change"]],
    [["admin"], ["read", "work", "write", "change", "metrics", "admin"]],
    [["read"], ["read", "metrics"]],
    [["admin:*:*"], ["read", "work", "write", "change"]],
    [
      ["read:*:*", "write:*:*"],
      ["read", "work", "write"],
    ],
    [["read::metrics"], ["metrics"]],
    [["read:default:camera", "read:default:ca", "write:other:cam", "read:default:"], []],
    [[], []],
  ];

  test.each(PERMISSIONS)("%j", async (permissions, allowed) => {
    const shown = bearer(await token(undefined, secret, permissions));
    for (const route of ROUTES) {
      const may = route.needs === "anyone" || allowed.includes(route.needs);
      const answer = await send(route, "cam", shown);
      if (may) expect(`${route.name} ${answer}`).toBe(`${route.name} ${successOf(route)}`);
      else expect(`${route.name} ${answer}`).toMatch(new RegExp(`^${route.name} 4?403 FORBIDDEN$`));
    }
  });

  test("an API key has the same permissions, and “a+b” needs both", async () => {
    const shown = bearer(await knownKey(["read:default:cam", "write:default:cam"], "cam-only"));
    for (const route of ROUTES.filter(({ needs }) => needs === "read" || needs === "write")) {
      expect(await send(route, "cam", shown)).toBe("200");
      if (
        route.name === "MJPEG" ||
        route.name === "history" ||
        route.name === "entry" ||
        route.name === "POST" ||
        route.name.startsWith("GraphQL")
      )
        continue;
      expect(await send(route, "cam+other", shown)).toMatch(/^4?403 FORBIDDEN$/);
    }
  });
});

describe("every route rejects a token", () => {
  const WRONG: readonly (readonly [what: string, make: () => Promise<string> | string])[] = [
    ["expired", () => token((jwt) => jwt.setExpirationTime(nowS() - 10))],
    ["not yet good", () => token((jwt) => jwt.setNotBefore(nowS() + 60))],
    ["for another audience", () => token((jwt) => jwt.setAudience("elsewhere"))],
    [
      "without expiry",
      () =>
        new SignJWT({ permissions: ["admin"], aud: AUDIENCE })
          .setProtectedHeader({ alg: "HS256" })
          .sign(secret),
    ],
    [
      "alg: none",
      () => new UnsecuredJWT({ permissions: ["admin"], aud: AUDIENCE }).setExpirationTime("1h").encode(),
    ],
    [
      "signed with another secret",
      () => token(undefined, createSecretKey(Buffer.from(SECRET.replace("a", "b")))),
    ],
    ["signed with another key", () => token(undefined, otherRsa.privateKey, ["admin"], "RS256")],
    [
      "signed with the public key as a secret",
      () =>
        token(undefined, createSecretKey(Buffer.from(rsa.publicKey.export({ type: "spki", format: "pem" })))),
    ],
    [
      "signed with an algorithm that is not configured",
      () => token(undefined, createSecretKey(Buffer.alloc(64, 1)), ["admin"], "HS512"),
    ],
    ["truncated", async () => (await token()).slice(0, -4)],
    [
      "with a changed payload",
      async () =>
        (await token()).replace(/\.[^.]*\./, `.${Buffer.from('{"exp":9999999999}').toString("base64url")}.`),
    ],
    ["of no kind", () => "let-me-in"],
    ["a key that never was", () => `rsk_${"0".repeat(12)}_${"A".repeat(43)}`],
    [
      "an API key with another secret",
      async () => `${(await knownKey(["admin"])).slice(0, -43)}${"A".repeat(43)}`,
    ],
    ["a key that has expired", async () => keys.add("old", ["admin"], Date.now() - 1000)],
    [
      "an API key that was revoked a second ago",
      async () => {
        const key = await knownKey(["admin"], "revoked");
        keys.revoke("revoked");
        await until(
          "it is known",
          async () => (await request(`${gateway.http}/`, { headers: bearer(key) })).status !== 200,
        );
        return key;
      },
    ],
  ];

  // A gateway limits its log lines of one kind, and the routes together cause more.
  beforeEach(async () => {
    await gateway.close();
    gateway = await startGateway();
  });

  test.each(WRONG)("%s", async (_, make) => {
    const wrong = await make();
    for (const route of ROUTES) {
      const [lines, rejections] = [logged.length, await rejectionsNow()];
      const answer = await send(route, "cam", bearer(wrong));
      expect(`${route.name} ${statusOf(answer)}`).toBe(`${route.name} 401`);
      // One log line with place and reason but without the secret, and a metric.
      const warnings = logged.slice(lines);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatchObject({ code: "UNAUTHENTICATED", address: "127.0.0.1" });
      expect(JSON.stringify(warnings)).not.toContain(wrong.slice(-20));
      expect(await rejectionsNow()).toBe(rejections + 1);
    }
  });

  test.each([
    ["nothing", {}],
    ["another scheme", { authorization: "Basic YWRtaW46YWRtaW4=" }],
    ["no token", { authorization: "Bearer" }],
    ["characters that no token has", { authorization: "Bearer a,b\u00e9" }],
    ["an empty key", { "x-api-key": "" }],
  ])("%s", async (_, shown) => {
    for (const route of ROUTES)
      expect(`${route.name} ${statusOf(await send(route, "cam", shown))}`).toBe(`${route.name} 401`);
  });
});

describe("ways to send credentials", () => {
  test.each(ROUTES)("$name accepts x-api-key, a subprotocol, a cookie and a ticket", async (route) => {
    const good = await token();
    const ticket = async () => {
      const answer = await request(`${gateway.http}/tickets`, { method: "POST", headers: bearer(good) });
      return (answer.json() as { ticket: string }).ticket;
    };
    const cookie = `other=1; redis_streamer_token=${good}`;
    const foreign = { cookie, origin: "http://localhost:1" };
    expect(await send(route, "cam", { "x-api-key": good })).toBe(successOf(route));
    expect(await send(route, "cam", { cookie })).toBe(successOf(route));
    expect(await send(route, "cam", { cookie, origin: gateway.http, "sec-fetch-site": "same-origin" })).toBe(
      successOf(route),
    );
    expect(statusOf(await send(route, "cam", foreign))).toBe("401");
    expect(statusOf(await send(route, "cam", { cookie, "sec-fetch-site": "same-site" }))).toBe("401");
    const one = await ticket();
    // A ticket leaked through a log must not be renewable for the lifetime of its key.
    const welcome = route.name === "tickets" ? "403 FORBIDDEN" : successOf(route);
    expect(await send(route, "cam", {}, `?ticket=${one}`)).toBe(welcome);
    expect(statusOf(await send(route, "cam", {}, `?ticket=${one}`))).toBe("401");
    expect(statusOf(await send(route, "cam", {}, "?ticket=made-up"))).toBe("401");
  });

  test("accepts RS256 tokens", async () => {
    const good = await token(undefined, rsa.privateKey, ["admin"], "RS256");
    for (const route of ROUTES) expect(await send(route, "cam", bearer(good))).toBe(successOf(route));
  });

  test("serves health without credentials", async () => {
    for (const path of ["/healthz", "/readyz", "/login"])
      expect((await request(gateway.http + path)).status).toBe(200);
  });
});
