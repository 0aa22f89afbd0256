/** The npm packages, installed from their tarballs into empty folders, and used there. */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build as bundle } from "vite";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

let dir: string;
let redis: TestRedis;
let gateway: TestGateway;
let tarballs: readonly string[];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "streamer-packages-"));
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  const { stdout } = await run(process.execPath, [join(ROOT, "scripts/pack.js")]);
  tarballs = stdout.trim().split("\n");
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** Installs a tarball into an empty folder. @returns the folder, and what npm printed */
async function install(name: string, tarball: string) {
  const folder = join(dir, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{"private": true, "type": "module"}');
  const args = ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball];
  const { stderr } = await run("npm", args, { cwd: folder });
  return { folder, stderr };
}

/** Compiles a program strictly, as Node and as bundlers resolve. */
async function compile(folder: string, source: string): Promise<void> {
  writeFileSync(join(folder, "program.ts"), source);
  for (const [module, resolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ] as const) {
    const options = ["--strict", "--noEmit", "--target", "es2022", "--lib", "es2023,dom", "--types", ""];
    const args = [...options, "--module", module, "--moduleResolution", resolution, "program.ts"];
    await run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), ...args], { cwd: folder });
  }
}

const program = (name: string) => `
import { connect, StreamerError, type PulledEntry } from "${name}";
const streamer = connect("http://127.0.0.1:8000");
export async function first(): Promise<PulledEntry | undefined> {
  for await (const entry of streamer.pull("imu", { from: "0" })) return entry;
  throw new StreamerError("CLOSED", "closed", { retryable: false });
}
// @ts-expect-error: the option does not exist
streamer.pull("imu", { form: "0" });
`;

describe("redis-streamer-client", () => {
  let folder: string;
  beforeAll(async () => {
    folder = (await install("client", tarballs[1] ?? "")).folder;
  });

  test("has no dependency but ws, and stores and reads entries in Node", async () => {
    expect(readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."))).toEqual([
      "redis-streamer-client",
      "ws",
    ]);
    const script = `
      import { connect } from "redis-streamer-client";
      const streamer = connect(${JSON.stringify(gateway.http)});
      const push = streamer.push("packed");
      await push.send("one", { fields: { unit: "m" } });
      await push.close();
      for await (const entry of streamer.entries("packed")) console.log(entry.text());
    `;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], { cwd: folder });
    expect(stdout).toBe("one\n");
  });

  test("compiles in strict TypeScript", () => compile(folder, program("redis-streamer-client")));

  test("is bundled for browsers by Vite, without a module of Node or ws", async () => {
    const entry =
      'import { connect } from "redis-streamer-client"; document.title = String(connect(location.origin));';
    writeFileSync(join(folder, "main.js"), entry);
    writeFileSync(join(folder, "index.html"), '<script type="module" src="./main.js"></script>');
    await bundle({ configFile: false, root: folder, logLevel: "error", build: { outDir: "out" } });
    const [asset = ""] = readdirSync(join(folder, "out/assets"));
    const code = readFileSync(join(folder, "out/assets", asset), "utf8");
    expect(code).toContain("WebSocket");
    expect(code).not.toMatch(/node:|require\("ws"\)/);
  });
});

describe("redis-streamer", () => {
  let folder: string;
  let warnings: string;
  beforeAll(async () => {
    ({ folder, stderr: warnings } = await install("gateway", tarballs[0] ?? ""));
  });

  test("installs what the tests used, without benchmarks, build information or a warning about the engine", () => {
    expect(warnings).not.toMatch(/EBADENGINE|deprecated/);
    const installed = join(folder, "node_modules/redis-streamer");
    const files = readdirSync(installed, { recursive: true }).map(String);
    expect(files.filter((name) => /^dist\/bench|tsbuildinfo|\.map$|\.test\./.test(name))).toEqual([]);
    const read = (file: string) => JSON.parse(readFileSync(file, "utf8"));
    const { packages: locked } = read(join(ROOT, "package-lock.json"));
    const { packages } = read(join(installed, "npm-shrinkwrap.json"));
    for (const [path, { version, dev }] of Object.entries<{ version: string; dev?: boolean }>(locked))
      expect([path, packages[path]?.version]).toEqual([path, dev ? undefined : version]);
    const { dependencies } = read(join(installed, "package.json"));
    for (const [name, version] of Object.entries(dependencies))
      expect([name, version]).toEqual([name, locked[`node_modules/${name}`]?.version]);
  });

  test("npx starts a gateway, which the other commands use", async () => {
    const child = spawn("npx", ["redis-streamer", "serve", "--port", "0"], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: dir, REDIS_URL: redis.url, LOG_FORMAT: "json" },
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    // Ctrl-C reaches the whole process group.
    const interrupt = () => {
      if (child.exitCode === null && child.signalCode === null)
        process.kill(-(child.pid ?? Number.NaN), "SIGINT");
    };
    onTestFinished(interrupt);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (part) => {
      output += part;
    });
    await until("it is up", () => output.includes("Redis Streamer is up"), 60_000);
    const url = /"url":"([^"]+)"/.exec(output)?.[1] ?? "";
    expect(
      await fetch(url, { headers: { accept: "text/html" } }).then((response) => response.text()),
    ).toMatch(/<!doctype html>/i);
    const env = { PATH: process.env.PATH, HOME: dir, REDIS_STREAMER_URL: url };
    const command = (...args: string[]) => run("npx", ["redis-streamer", ...args], { cwd: folder, env });
    await command("meta", "set", "packed", "title=Packed");
    expect((await command("ls")).stdout).toContain("default:packed");
    interrupt();
    const isStopped = () =>
      fetch(url).then(
        () => false,
        () => true,
      );
    await until("it has stopped", isStopped, 30_000);
  });

  test("its client compiles in strict TypeScript", () => compile(folder, program("redis-streamer/client")));
});
