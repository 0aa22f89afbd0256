/** Deployment files: those with settings cover the whole table, and those for installation are valid. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { readSettings, SETTINGS } from "../src/settings.ts";

const rows = Object.values(SETTINGS);
const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");

it(".env.sample lists each setting with its text and default, and changes nothing", () => {
  const sample = read(".env.sample");
  expect([...sample.matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name)).toEqual(rows.map(({ env }) => env));
  for (const { env, doc, unit, fallback } of rows)
    expect(sample).toContain(`\n# ${doc}${unit === "" ? "" : ` (${unit})`}\n#${env}=${fallback}\n`);
  expect(sample.split("\n").filter((line) => line !== "" && !line.startsWith("#"))).toEqual([]);
});

it("compose.yaml passes each setting on, except those that it sets itself", () => {
  const [, gateway = ""] = /\n {2}gateway:\n([\s\S]*?)\n {2}redis:\n/.exec(read("compose.yaml")) ?? [];
  const given = new Map(
    [...gateway.matchAll(/^ {6}([A-Z_]+): (.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  const decided = {
    HOST: "0.0.0.0",
    PORT: '"8000"',
    REDIS_URL: "redis://redis:6379",
    // The image's defaults, which are on a volume; empty variables would select paths beside the program.
    AUTH_KEYS_FILE: `\${AUTH_KEYS_FILE:-/data/keys.json}`,
    RECORDINGS_DIR: `\${RECORDINGS_DIR:-/data/recordings}`,
  };
  for (const [name, value] of Object.entries(decided)) expect(given.get(name)).toBe(value);
  // Settings of the managed Redis, which does not run here.
  const left = new Set([...Object.keys(decided), "DATA_DIR", "REDIS_FSYNC"]);
  const handedOn = rows.map(({ env }) => env).filter((env) => !left.has(env));
  for (const env of handedOn) expect(given.get(env)).toBe(`\${${env}:-}`);
  expect(given.size).toBe(handedOn.length + Object.keys(decided).length);
});

it("compose.yaml bounds the kernel's send buffer for slow viewers, as measured in docs/operating.md", () => {
  expect(read("compose.yaml")).toMatch(/^ {4}sysctls:\n {6}net\.ipv4\.tcp_notsent_lowat: "131072"$/m);
  expect(read("docs/operating.md")).toContain("net.ipv4.tcp_notsent_lowat = 131072");
});

it("the Dockerfile copies all compiled sources, and sets only known settings", () => {
  const dockerfile = read("Dockerfile");
  const [, variables = ""] = /^ENV NODE_ENV=production (.*)$/m.exec(dockerfile) ?? [];
  const env = Object.fromEntries(variables.split(" ").map((pair) => pair.split("=")));
  expect(Object.keys(env)).toEqual(["HOST", "DATA_DIR", "AUTH_KEYS_FILE", "RECORDINGS_DIR"]);
  expect(readSettings([], env)).toMatchObject({
    host: "0.0.0.0",
    dataDir: "/data",
    authKeysFile: "/data/keys.json",
    recordingsDir: "/data/recordings",
  });
  for (const line of read(".dockerignore").matchAll(/^!(.*)$/gm)) expect(dockerfile).toContain(line[1]);
});

it("compose.yaml keeps keys on a volume, bounds Redis and starts only the requested services", () => {
  const { services, volumes } = parse(read("compose.yaml"));
  const { gateway, redis, redisinsight } = services;
  const mounted = (one: { volumes: string[] }) => one.volumes.map((volume) => volume.split(":").at(1));
  const keysFile: string = gateway.environment.AUTH_KEYS_FILE.replace(/^.*:-(.*)}$/, "$1");
  expect(mounted(gateway)).toContain(keysFile.replace(/\/[^/]*$/, ""));
  // As Docker resolves it: certificates are mounted read-only, and named volumes are declared.
  expect(gateway.volumes).toContain("$" + "{CERTS_DIR:-./certs}:/certs:ro");
  expect(Object.keys(volumes)).toEqual(["gateway", "redis", "redisinsight"]);
  const flags = redis.command.join(" ");
  expect(flags).toMatch(/--maxmemory \$\{REDIS_MAXMEMORY:-1gb} --maxmemory-policy noeviction$/);
  expect(redisinsight.profiles).toEqual(["insight"]);
  for (const { image } of Object.values<{ image: string }>(services)) expect(image).not.toMatch(/:latest$/);
  // No started service depends on one that may not be started.
  expect(Object.keys(gateway.depends_on)).toEqual(["redis"]);
});

it("the systemd unit is valid, and starts the program without a shell", () => {
  const unit = read("deploy/redis-streamer.service");
  const [, node = "", program = ""] = /^ExecStart=(\S+) (\S+)$/m.exec(unit) ?? [];
  expect([node, program]).toEqual(["/usr/bin/node", "/opt/redis-streamer/dist/bin/main.js"]);
  for (const name of ["AUTH_KEYS_FILE", "DATA_DIR"]) expect(unit).toMatch(new RegExp(`${name}=/var/lib/`));
  const settings = readSettings([], {});
  const seconds = (name: string) => Number(new RegExp(`^${name}=(\\d+)$`, "m").exec(unit)?.[1]);
  expect(seconds("TimeoutStopSec") * 1000).toBeGreaterThan(settings.shutdownMs + 1500);
  expect(seconds("LimitNOFILE")).toBeGreaterThan(settings.maxSockets);
  for (const line of unit.split("\n"))
    expect(line).toMatch(/^(?:#.*|\[(?:Unit|Service|Install)\]|[A-Z]\w+=.*|)$/);
  const folder = mkdtempSync(join(tmpdir(), "unit-"));
  const file = join(folder, "redis-streamer.service");
  writeFileSync(file, unit.replace(node, process.execPath));
  const { error, stderr } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  // On machines without systemd only the lines above are checked.
  if (error === undefined)
    expect(stderr.split("\n").filter((line) => line.includes("redis-streamer"))).toEqual([]);
});

it("the package installs on each supported Node version without overrides", () => {
  const { engines, overrides } = JSON.parse(read("package.json"));
  // Overrides do not apply when it is installed as a dependency.
  expect(overrides).toBeUndefined();
  const min = Number(/\d+/.exec(engines.node)?.[0]);
  const { packages } = JSON.parse(read("package-lock.json"));
  const installed = Object.entries<{ dev?: boolean; engines?: { node?: string } }>(packages);
  const tooNew = installed.filter(([, { dev, engines: needs }]) => {
    const majors = [...(needs?.node ?? "").matchAll(/(\d+)(?:\.[\d.x]+)?/g)].map(([, major]) =>
      Number(major),
    );
    return dev !== true && majors.length > 0 && Math.min(...majors) > min;
  });
  expect(tooNew.map(([name]) => name)).toEqual([]);
});
