/** The real command as a whole: help, exit codes, output to terminals, pipes and files, signals and certificates. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMMANDS } from "../../cli/commands.ts";
import { startTestGateway, type TestGateway } from "../support/gateway/gateway.ts";
import { createAuthority, type TestAuthority } from "../support/network/certificates.ts";
import { runCommand, startCommand } from "../support/programs/command-line.ts";
import { startRedis, type TestRedis } from "../support/redis/redis.ts";
import { until } from "../support/until.ts";

const COMMAND = fileURLToPath(new URL("../../dist/bin/redis-streamer.js", import.meta.url));

let authority: TestAuthority;
let redis: TestRedis;
let gateway: TestGateway;
let secure: TestGateway;
let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "streamer-command-"));
  authority = createAuthority();
  const { cert, key } = authority.issue("gateway");
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  secure = await startTestGateway(redis.url, { TLS_CERT: cert, TLS_KEY: key });
});
afterAll(async () => {
  await gateway.close();
  await secure.close();
  await redis[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

describe("help", () => {
  test("fits one screen, and lists every command", async () => {
    const { code, stdout } = await runCommand(["--help"]);
    expect(code).toBe(0);
    for (const { name } of COMMANDS) expect(stdout).toMatch(new RegExp(`\\b${name}\\b`));
    const lines = stdout.split("\n");
    expect(lines.length).toBeLessThanOrEqual(50);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test("every command has a help with its options, and names no default twice", async () => {
    const results = COMMANDS.filter(({ name }) => name !== "serve").map(async (row) => {
      const { code, stdout } = await runCommand([row.name, "--help"]);
      expect(code).toBe(0);
      for (const { flags, isHidden } of row.options ?? []) if (!isHidden) expect(stdout).toContain(flags);
    });
    await Promise.all(results);
  });

  test("without a command, shows the overview and exits with 2", async () => {
    const { code, stdout, stderr } = await runCommand([]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^Usage: redis-streamer <command>/);
  });
});

describe("exit codes", () => {
  test.each([
    [["nope"], 2, /unknown command 'nope'/],
    [["pull-raw"], 2, /missing required argument/],
    [["pull-raw", "s", "--count", "0"], 2, /must be an integer of at least 1, got "0"/],
    [["pull-raw", "s", "--nope"], 2, /unknown option '--nope'/],
    [["pull-raw", "s", "--url", "ftp://x"], 2, /must start with http:/],
    [["pull-raw", "s", "--ca", "/nonexistent.pem"], 2, /--ca: ENOENT/],
    [["pull-raw", "s", "serve"], 0, /^$/],
    [["--quiet", "serve"], 2, /serve must be the first argument/],
    [["serve", "--prot", "1"], 2, /Unknown option '--prot'/],
  ] as const)("%j: %i", async (args, code, error) => {
    const isPull = code === 0;
    const all = isPull ? [...args, "--last-entry-id", "0", "--count", "1", "-q"] : args;
    if (isPull) await redis.control.call("XADD", "default:serve", "*", "d", "x");
    const result = await runCommand(all, { url: gateway.http });
    expect(result.stderr).toMatch(error);
    expect(result.code).toBe(code);
  });

  test("a file of authorities without a certificate is a usage error", async () => {
    const file = join(dir, "empty.pem");
    writeFileSync(file, "");
    const { code, stderr } = await runCommand(["pull-raw", "s", "--ca", file]);
    expect([code, stderr]).toEqual([2, `error: --ca: ${file} must contain certificates in PEM\n`]);
  });
});

describe("certificates", () => {
  test.each([
    ["pull-raw", "s"],
    ["push-increment", "s"],
  ])("%s: an untrusted one ends with one clear line", async (...args) => {
    const { code, stdout, stderr } = await runCommand([...args, "-q"], { url: secure.http });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      /^error: the certificate of the gateway is not trusted: [^\n]+; if you trust its certificate authority, pass its file with --ca\n$/,
    );
  });

  test("its authority is trusted with --ca", async () => {
    const options = { url: secure.http, env: { REDIS_STREAMER_CA: authority.path } };
    expect((await runCommand(["push-increment", "tls", "--count", "2", "--fps", "0"], options)).code).toBe(0);
    const args = ["pull-raw", "tls", "--last-entry-id", "0", "--count", "2", "--ca", authority.path];
    const { code, stdout } = await runCommand(args, { url: secure.http });
    expect([code, stdout.replace(/\d+-\d+/g, "ID")]).toEqual([0, "tls: ID | 0\ntls: ID | 1\n"]);
  });
});

describe("output", () => {
  const fill = () =>
    runCommand(["push-increment", "many", "--count", "50000", "--fps", "0", "-q"], { url: gateway.http });

  /** Runs the command with a redirection of the shell. */
  async function shell(line: string) {
    const script = `set -o pipefail; "${process.execPath}" "${COMMAND}" ${line}`;
    const child = spawn("bash", ["--norc", "-c", script], {
      env: { PATH: process.env.PATH, REDIS_STREAMER_URL: gateway.http, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
    const [code] = await once(child, "close");
    return { code, stdout: await stdout, stderr: await stderr };
  }

  test("a reader of the pipe that exits ends the command quietly", async () => {
    await fill();
    const { code, stdout, stderr } = await shell("pull-raw many --last-entry-id 0 | head -n 2");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n")).toHaveLength(3);
  });

  test.each([
    ["pull many --no-follow", 2],
    ["pull many --from 0 --format json", 2],
    ["ls --watch --json", 1],
    ["ls --watch", 1],
  ])("%s: so do the commands that run until they are stopped", async (command, lines) => {
    await fill();
    const { code, stdout, stderr } = await shell(`${command} | head -n ${lines}`);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n")).toHaveLength(lines + 1);
  });

  test("an input that is never closed does not outlive the command", async () => {
    const push = startCommand(["push", "held", "--count", "1"], { url: gateway.http });
    push.child.stdin?.write("one\ntwo\n");
    expect((await push.ended).code).toBe(0);
    const stopped = startCommand(["push", "held"], { url: gateway.http });
    stopped.child.stdin?.write("one\n");
    await until("it is stored", async () => (await redis.control.call("XLEN", "default:held")) === 2);
    stopped.child.kill("SIGINT");
    const { code, stderr } = await stopped.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^push held: 1 message, [^\n]+\n$/);
  });

  test("a full disk is an error", async () => {
    const { code, stderr } = await shell("pull-raw many --last-entry-id 0 -q > /dev/full");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: cannot write: .*ENOSPC/);
  });

  test("Ctrl-C ends with the totals and 0", async () => {
    const pull = startCommand(["pull-raw", "many", "--last-entry-id", "0"], { url: gateway.http });
    await until("entries arrive", () => pull.stdout().includes("many: "));
    pull.child.kill("SIGINT");
    const { code, stderr } = await pull.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^pull many: [\d,]+ messages, [^\n]+\n$/);
  });
});

test("serve starts a gateway, and a signal to the process stops it", async () => {
  const child = spawn(process.execPath, [COMMAND, "serve", "--port", "0"], {
    cwd: dir,
    env: { PATH: process.env.PATH, REDIS_URL: redis.url, LOG_FORMAT: "json" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (part) => {
    output += part;
  });
  await until("it is up", () => output.includes("Redis Streamer is up"), 30_000);
  const url = /"url":"([^"]+)"/.exec(output)?.[1] ?? "";
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});
