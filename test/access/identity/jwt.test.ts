/** Tokens verified by external keys, and by files that change. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { createJwtVerifier, type JwtOptions } from "../../../src/access/identity/jwt.ts";
import { silent } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "streamer-jwt-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const verifierOf = (options: Partial<JwtOptions>) =>
  createJwtVerifier({
    secret: "",
    keys: "",
    audience: "",
    issuer: "",
    clockToleranceMs: 0,
    logger: silent,
    ...options,
  });
const rsa = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const sign = (key: KeyObject, alg: string, claims: Record<string, unknown> = {}, kid?: string) =>
  new SignJWT({ sub: "alice", exp: Math.floor(Date.now() / 1000) + 60, ...claims })
    .setProtectedHeader({ alg, ...(kid !== undefined && { kid }) })
    .sign(key);
const pem = (key: KeyObject) => key.export({ type: "spki", format: "pem" }).toString();
const jwks = async (...keys: readonly (readonly [KeyObject, string, string])[]) =>
  JSON.stringify({
    keys: await Promise.all(
      keys.map(async ([key, alg, kid]) => ({ ...(await exportJWK(key)), alg, kid, use: "sig" })),
    ),
  });
const write = (name: string, text: string) => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};

describe("keys in a file", () => {
  test.each([
    ["RS256", rsa()],
    ["ES256", ec()],
  ])("a public key for %s, and a new one when the file changes", async (alg, pair) => {
    const path = write(`${alg}.pem`, pem(pair.publicKey));
    const verifier = verifierOf({ keys: path });
    expect(await verifier.verify(await sign(pair.privateKey, alg))).toMatchObject({ name: "jwt:alice" });
    const next = alg === "RS256" ? rsa() : ec();
    const token = await sign(next.privateKey, alg);
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    write(`${alg}.pem`, pem(next.publicKey));
    await until("the new key is taken", () =>
      verifier.verify(token).then(
        () => true,
        () => false,
      ),
    );
    await expect(verifier.verify(await sign(pair.privateKey, alg))).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
    });
    verifier.close();
  });

  test("accepts a JWKS with several keys", async () => {
    const [one, other, unknown] = [rsa(), ec(), ec()];
    const path = write(
      "jwks.json",
      await jwks([one.publicKey, "RS256", "one"], [other.publicKey, "ES256", "other"]),
    );
    const verifier = verifierOf({ keys: path });
    await verifier.verify(await sign(one.privateKey, "RS256", {}, "one"));
    await verifier.verify(await sign(other.privateKey, "ES256", {}, "other"));
    for (const kid of ["other", "none"])
      await expect(verifier.verify(await sign(unknown.privateKey, "ES256", {}, kid))).rejects.toMatchObject({
        code: "UNAUTHENTICATED",
      });
    verifier.close();
  });

  test("reports an invalid key, or a private one, at startup", () => {
    const secretKey = rsa().privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect(() => verifierOf({ keys: write("private.pem", secretKey) })).toThrow(/private key/);
    expect(() => verifierOf({ keys: write("none.pem", "nothing") })).toThrow();
    expect(() => verifierOf({ keys: join(dir, "not-there") })).toThrow();
    const other = generateKeyPairSync("ec", { namedCurve: "P-384" });
    expect(() => verifierOf({ keys: write("other.pem", pem(other.publicKey)) })).toThrow(
      // cspell:ignore secp
      "JWT_KEYS must have a key for RS256 (RSA) or ES256 (P-256), got ec secp384r1",
    );
    expect(() => verifierOf({ secret: "short" })).toThrow(/at least 32/);
  });
});

test("names what is wrong with credentials that it does not accept", async () => {
  const pair = ec();
  const verifier = verifierOf({ keys: write("named.pem", pem(pair.publicKey)) });
  const token = await sign(pair.privateKey, "ES256");
  const [head = "", payload = ""] = token.split(".");
  const foreign = await sign(ec().privateKey, "ES256");
  const neither = /neither an API key \(rsk_…\) nor a complete token/;
  for (const [credentials, message] of [
    ["rsk_mistyped", neither],
    ["secret", neither],
    [`${head}.${payload}`, neither],
    ["a.b.c", neither],
    [foreign, /signature does not match a key/],
    [await sign(rsa().privateKey, "RS256"), /signature does not match a key/],
  ] as const)
    await expect(verifier.verify(credentials)).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      message: expect.stringMatching(message),
    });
  verifier.close();
});

test("reports an outage of the key URL as AUTH_UNAVAILABLE", async () => {
  const pair = ec();
  const token = await sign(pair.privateKey, "ES256", {}, "k");
  const port = await freePort();
  const verifier = verifierOf({ keys: `http://127.0.0.1:${port}/jwks.json` });
  await expect(verifier.verify(token)).rejects.toMatchObject({ code: "AUTH_UNAVAILABLE" });
  const body = await jwks([pair.publicKey, "ES256", "k"]);
  let broken = true;
  const issuer = createServer((_request, response) => {
    response.statusCode = broken ? 500 : 200;
    response.setHeader("content-type", "application/json").end(broken ? "" : body);
  });
  await new Promise<void>((resolve) => issuer.listen(port, "127.0.0.1", resolve));
  expect((issuer.address() as AddressInfo).port).toBe(port);
  await expect(verifier.verify(token)).rejects.toMatchObject({ code: "AUTH_UNAVAILABLE" });
  broken = false;
  expect(await verifier.verify(token)).toMatchObject({ name: "jwt:alice" });
  issuer.close();
  issuer.closeAllConnections();
  // Known keys remain valid.
  expect(await verifier.verify(await sign(pair.privateKey, "ES256", {}, "k"))).toMatchObject({
    name: "jwt:alice",
  });
  verifier.close();
});

describe("claims", () => {
  const pair = ec();
  const identity = (claims: Record<string, unknown>, options: Partial<JwtOptions> = {}) =>
    sign(pair.privateKey, "ES256", claims).then((token) =>
      verifierOf({ keys: write("claims.pem", pem(pair.publicKey)), ...options }).verify(token),
    );
  const now = () => Math.floor(Date.now() / 1000);

  test("reads permissions, and the words of scope that are permissions", async () => {
    const { grants } = await identity({
      permissions: ["read:glasses:*", "fly", 7],
      scope: "openid profile write:*:imu*",
    });
    expect(grants).toEqual([
      { action: "read", pattern: "glasses:*" },
      { action: "write", pattern: "*:imu*" },
    ]);
    expect((await identity({ permissions: "admin", scope: 5 })).grants).toEqual([]);
  });

  test("sanitizes a name for logs", async () => {
    expect((await identity({ sub: "a\nb\u001b[2J" })).name).toMatch(/^jwt:a\?b\?\[2J~sha256:[\w-]{43}$/);
    expect((await identity({ sub: "" })).name).toBe("jwt:?");
  });

  test.each([[5], [true], [null], [["alice"]], [{ name: "alice" }]])(
    "rejects the subject %j, which would share an account with others",
    async (sub) => {
      await expect(identity({ sub })).rejects.toMatchObject({
        code: "UNAUTHENTICATED",
        message: expect.stringContaining("claim sub must be a string"),
      });
    },
  );

  test("maps different subjects to different accounts, and the same subject to the same", async () => {
    const long = "service-account@".repeat(8);
    const subjects = [
      ...["alice", "?", "a?", "aé", "aê", "a\u0000", "a\n", "x".repeat(64), "x".repeat(65), "x".repeat(66)],
      ...[`${long}1`, `${long}2`, "\ud800", "\ud801", "\ufffd", "Ω", "ω"],
    ];
    const names = await Promise.all(subjects.map(async (sub) => (await identity({ sub })).name));
    names.push((await identity({ sub: names[3]?.slice("jwt:".length) })).name, (await identity({})).name);
    names.push((await identity({ sub: undefined })).name);
    expect(new Set(names).size).toBe(names.length - 1);
    expect((await identity({ sub: `${long}1` })).name).toBe(names[10]);
    for (const name of names) expect(name).toMatch(/^[\x20-\x7e]{1,120}$/);
  });

  test("tolerates the configured clock difference", async () => {
    await identity({ exp: now() - 5, nbf: now() + 5 }, { clockToleranceMs: 10_000 });
    await expect(identity({ exp: now() - 20 }, { clockToleranceMs: 10_000 })).rejects.toThrow("expired");
    await expect(identity({ nbf: now() + 20 }, { clockToleranceMs: 10_000 })).rejects.toThrow("nbf");
  });

  test("checks aud and iss if they are configured", async () => {
    await identity({ aud: ["a", "b"], iss: "i" }, { audience: "b", issuer: "i" });
    await expect(identity({ aud: "a" }, { audience: "b" })).rejects.toThrow("claim aud");
    await expect(identity({ iss: "j" }, { issuer: "i" })).rejects.toThrow("claim iss");
    await expect(identity({}, { issuer: "i" })).rejects.toThrow("claim iss");
  });
});
