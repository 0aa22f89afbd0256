/** `doctor`: its checks, and the check that a fault fails. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { createTestKeys, type TestKeys } from "../../support/gateway/keys.ts";
import { createAuthority, type TestAuthority } from "../../support/network/certificates.ts";
import { runHere } from "../../support/programs/command-line.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

let authority: TestAuthority;
let redis: TestRedis;
let gateway: TestGateway;
let secure: TestGateway;
let keys: TestKeys;
/** Address on which nothing listens: port 2 is privileged, and no service has it. */
const closed = "http://127.0.0.1:2";
beforeAll(async () => {
  keys = createTestKeys();
  authority = createAuthority();
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  const { cert, key } = authority.issue("gateway");
  secure = await startTestGateway(redis.url, {
    TLS_CERT: cert,
    TLS_KEY: key,
    AUTH: "1",
    AUTH_KEYS_FILE: keys.path,
  });
});
afterAll(async () => {
  await gateway.close();
  await secure.close();
  await redis[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
  keys[Symbol.dispose]();
});

/** Runs the command. @returns its lines, and its error */
async function doctor(url: string, ...args: string[]) {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  const error = await runHere(url, ["doctor", ...args], { changes: { print } }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { lines, error, text: lines.join("\n") };
}

describe("a gateway that works", () => {
  test("passes all checks", async () => {
    await redis.control.call("FLUSHALL");
    const { lines, error } = await doctor(gateway.http);
    expect(error).toBeUndefined();
    expect(lines.map((line) => line.replace(/ {2,}/g, " ").split(" ").slice(0, 2).join(" "))).toEqual(
      [
        "connection",
        "round",
        "clocks",
        "transport",
        "Redis",
        "credentials",
        "version",
        "Redis",
        "streams",
      ].map((name) => `ok ${name}`),
    );
  });

  test("reports streams that keep little, and entries from the future", async () => {
    for (let n = 1; n <= 3; n++) await redis.control.call("XADD", "default:short", `${n}-0`, "d", "x");
    await redis.control.call("XTRIM", "default:short", "MAXLEN", "2");
    await redis.control.call("XADD", "default:future", `${Date.now() + 60_000}-0`, "d", "x");
    const { text, error } = await doctor(gateway.http);
    expect(error).toBeUndefined();
    expect(text).toMatch(/unusual {2}retention +1 stream keeps less than a minute: default:short/);
    expect(text).toMatch(/unusual {2}entry ids +default:future has entries from the future/);
  });
});

describe("a fault fails its check", () => {
  test.each([
    ["connection", () => doctor(closed), /cannot connect: .*Start one with: redis-streamer serve/],
    [
      "transport",
      () => doctor(secure.http),
      /certificate of the gateway is not trusted.*pass its file with --ca/,
    ],
    ["credentials", () => doctor(secure.http, "--ca", authority.path), /pass a key with --token/],
    [
      "credentials",
      () => doctor(secure.http, "--ca", authority.path, "--token", "rsk_0123456789ab_x"),
      /pass a key with --token/,
    ],
  ] as const)("%s", async (name, run, message) => {
    const { lines, error } = await run();
    expect(error).toMatchObject({ exitCode: 1 });
    expect(lines.at(-1)).toMatch(new RegExp(`^FAILED +${name}`));
    expect(lines.at(-1)).toMatch(message);
  });

  test("Redis", async () => {
    await using own = await startRedis();
    await using alone = await startTestGateway(own.url, { REDIS_WAIT_MS: "100" });
    await own.kill();
    const { lines, error } = await doctor(alone.http);
    expect(error).toMatchObject({ exitCode: 1 });
    expect(lines.at(-1)).toMatch(/^FAILED +Redis/);
  });
});
