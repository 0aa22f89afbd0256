/** The container's command, with its user and environment, in folders like those of the image and its volume. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { request } from "../../support/clients/http.ts";
import { createAuthority } from "../../support/network/certificates.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
/** The image's user, `node`. Only root can become it, and only in a checkout that it can read. */
const USER = process.getuid?.() === 0 && isOpenToAll(path(".")) ? { uid: 1000, gid: 1000 } : {};

function isOpenToAll(folder: string): boolean {
  const isOpen = (statSync(folder).mode & 0o005) === 0o005;
  return isOpen && (dirname(folder) === folder || isOpenToAll(dirname(folder)));
}

let redis: TestRedis;
let root: string;
let data: string;
beforeAll(async () => {
  redis = await startRedis();
  root = mkdtempSync(join(tmpdir(), "container-"));
  chmodSync(root, 0o755);
  data = join(root, "data");
  mkdirSync(data, { mode: 0o700 });
  if (USER.uid !== undefined) chownSync(data, USER.uid, USER.gid);
});
afterAll(async () => {
  rmSync(root, { recursive: true, force: true });
  await redis[Symbol.asyncDispose]();
});

/** The environment of `AUTH=1 docker compose up`. */
const envOf = (port: number, more: Record<string, string> = {}) => ({
  PATH: process.env.PATH,
  NODE_ENV: "production",
  HOST: "0.0.0.0",
  PORT: String(port),
  REDIS_URL: redis.url,
  DATA_DIR: data,
  AUTH: "1",
  AUTH_KEYS_FILE: join(data, "keys.json"),
  ...more,
});

function start(port: number, more: Record<string, string> = {}) {
  const child = spawn(process.execPath, [path("dist/bin/main.js")], {
    ...USER,
    cwd: root,
    env: envOf(port, more),
    stdio: "ignore",
  });
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

const healthOf = (env: ReturnType<typeof envOf>) =>
  spawnSync(process.execPath, [path("scripts/check-health.js")], { ...USER, cwd: root, env }).status;

test("AUTH=1 works: keys created in the running container persist", async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/openapi.json`;
  let key = "";
  {
    await using _gateway = start(port);
    await until("it is healthy", () => healthOf(envOf(port)) === 0, 30_000);
    expect((await request(url)).status).toBe(401);
    const made = spawnSync(
      process.execPath,
      [path("dist/bin/redis-streamer.js"), "keys", "add", "me", "--allow", "admin"],
      {
        ...USER,
        cwd: root,
        env: envOf(port),
        encoding: "utf8",
      },
    );
    expect([made.status, made.stderr]).toEqual([0, expect.stringContaining("key ")]);
    key = made.stdout.trim();
    expect(statSync(join(data, "keys.json")).mode & 0o777).toBe(0o600);
    await until(
      "the key is known",
      async () => (await request(url, { headers: { "x-api-key": key } })).status === 200,
    );
  }
  await using _next = start(port);
  await until("it is healthy", () => healthOf(envOf(port)) === 0, 30_000);
  expect((await request(url, { headers: { "x-api-key": key } })).status).toBe(200);
});

/** The files of the image that this repository's Dockerfile copies, in their places. */
function createImage(folder: string): void {
  const file = readFileSync(path("Dockerfile"), "utf8");
  const final = file.slice(file.lastIndexOf("\nFROM "));
  const ignored = readFileSync(path(".dockerignore"), "utf8");
  for (const [, built, names = "", target = ""] of final.matchAll(/^COPY (--from=build )?(.+) (\S+)$/gm)) {
    for (const name of names.split(" ").map((one) => one.replace("/app/", ""))) {
      // The folder of the build is complete; from outside, only files that the image may contain are copied.
      if (built === undefined) expect(ignored).toContain(`!${dirname(name)}`);
      const to = target.endsWith("/") ? join(folder, target, basename(name)) : join(folder, target);
      mkdirSync(dirname(to), { recursive: true });
      symlinkSync(path(name), to);
    }
  }
}

test("the image starts with its entry point, and with the command serve", async () => {
  // A second try of this test needs another folder.
  const app = mkdtempSync(join(root, "app-"));
  chmodSync(app, 0o755);
  createImage(app);
  const file = readFileSync(path("Dockerfile"), "utf8");
  const [, entry = "[]"] = /^ENTRYPOINT (.*)$/m.exec(file) ?? [];
  const [, health = "[]"] = /^ {2}CMD (.*)$/m.exec(file) ?? [];
  const asInImage = ["--preserve-symlinks", "--preserve-symlinks-main"];
  for (const [, ...args] of [JSON.parse(entry), ["node", "dist/bin/redis-streamer.js", "serve"]]) {
    const port = await freePort();
    const child = spawn(process.execPath, [...asInImage, ...args], { ...USER, cwd: app, env: envOf(port) });
    const [, check = ""] = JSON.parse(health);
    const isHealthy = () =>
      spawnSync(process.execPath, [join(app, check)], { ...USER, cwd: app, env: envOf(port) }).status === 0;
    await until(`${args.join(" ")} is healthy`, isHealthy, 30_000);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  }
});

test("reports the health of https, Redis and the process in the health check", async () => {
  const port = await freePort();
  using authority = createAuthority();
  const issued = authority.issue("gateway");
  const tls = { TLS_CERT: join(data, "cert.pem"), TLS_KEY: join(data, "key.pem"), REDIS_WAIT_MS: "500" };
  for (const [from, to] of [
    [issued.cert, tls.TLS_CERT],
    [issued.key, tls.TLS_KEY],
  ] as const) {
    copyFileSync(from, to);
    chmodSync(to, 0o644);
  }
  expect(healthOf(envOf(port, tls))).toBe(1);
  {
    await using _gateway = start(port, tls);
    await until("it is healthy", () => healthOf(envOf(port, tls)) === 0, 30_000);
    await redis.kill();
    await until("it is not", () => healthOf(envOf(port, tls)) === 1, 30_000);
    await redis.start();
    await until("it is again", () => healthOf(envOf(port, tls)) === 0, 30_000);
  }
  expect(healthOf(envOf(port, tls))).toBe(1);
});
