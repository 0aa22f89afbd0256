/** Start and stop of the program as an operator sees it: startup, interrupted startup, and shutdown by signals. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import {
  beginGatewayProcess,
  type GatewayProcess,
  startGatewayProcess,
} from "../../support/gateway/gateway-process.ts";
import { startPusher, startReader } from "../../support/gateway/load.ts";
import { isAlive, processesBelow } from "../../support/programs/processes.ts";
import { startRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "start-and-stop-"));
});
afterEach(() => {
  for (const pid of servers()) process.kill(Number(pid), "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Returns the process ids of the Redis servers that run below the folder. */
function servers(): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return (
        readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("redis") &&
        readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)
      );
    } catch {
      return false;
    }
  });
}

/** A PATH on which redis-server takes a millisecond per entry to load; it handles signals after each thousand. */
function slowToLoad(): string {
  const file = join(folder, "redis-server");
  writeFileSync(
    file,
    [
      "#!/bin/sh",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
      "PATH=${PATH#*:}",
      '[ "$1" = --version ] || set -- "$@" --key-load-delay 1000',
      'exec redis-server "$@"',
    ].join("\n"),
  );
  chmodSync(file, 0o755);
  return `${folder}:${process.env.PATH}`;
}

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s while the managed Redis loads its data stops both, and the next start has all data",
  async (signal) => {
    {
      await using first = await startGatewayProcess({ folder });
      const body = JSON.stringify(Array.from({ length: 9000 }, (_, i) => ["s", null, String(i)]));
      expect((await request(`${first.http}/data/s?format=json`, { method: "POST", body })).status).toBe(200);
      first.signal("SIGTERM");
      expect(await first.ended).toBe(0);
    }
    await using loading = beginGatewayProcess({ folder, env: { PATH: slowToLoad(), LOG_LEVEL: "debug" } });
    await until("the managed Redis loads", () => servers().length === 1 && isLoading(loading.logged), 60_000);
    loading.signal(signal);
    expect(await loading.ended).toBe(0);
    expect(loading.logged.join()).not.toMatch(/the managed Redis is ready|killing it/);
    expect(servers()).toEqual([]);
    await using third = await startGatewayProcess({ folder });
    expect((await request(`${third.http}/data/s?last_entry_id=0&latest=1`)).text).toBe("8999");
  },
  120_000,
);

const isLoading = (logged: readonly string[]) => logged.some((line) => /^redis: .*AOF loading/.test(line));

describe("SIGTERM under load", () => {
  const ALL = { REDIS_STREAM_MAXLEN: "0", MAX_BATCH_ENTRIES: "1000000" };
  /** Maximum shutdown time (10 s); `SHUTDOWN_MS` and the grace period stay below it. */
  const WITHIN_MS = 10_000;

  /** Puts a gateway under load and stops it. @returns the acknowledged entries per stream */
  async function endUnderLoad(gateway: GatewayProcess): Promise<Map<string, Map<string, number>>> {
    const streams = ["a", "b", "c"];
    const readers = await Promise.all(
      (["json", "header", "acked", "max-fps"] as const).map((way) => startReader(gateway.ws, "a", way)),
    );
    await using events = await startReader(gateway.ws, "a", "events");
    await using stuck = await connectSocket(`${gateway.ws}/data/a/pull?last_entry_id=0`);
    stuck.raw.pause();
    await using noAck = await connectSocket(`${gateway.ws}/data/d/push?header=0`);
    const waiting = request(`${gateway.http}/data/nothing?block=60000`);
    const pushers = await Promise.all(streams.map((stream) => startPusher(gateway.ws, stream, 100)));
    await until("all push", () => pushers.every(({ acknowledged }) => acknowledged.size > 500));
    noAck.send("x");
    await noAck.taken();
    const start = performance.now();
    gateway.signal("SIGTERM");
    for (const { closed } of [...pushers, ...readers, noAck])
      expect(await closed).toEqual({ code: 1001, reason: "SHUTTING_DOWN: the gateway is shutting down" });
    expect(await events.closed).toEqual({ code: 0, reason: "the response ended" });
    expect([(await waiting).status, (await waiting).text]).toEqual([200, ""]);
    expect(await gateway.ended).toBe(0);
    expect(performance.now() - start).toBeLessThan(WITHIN_MS);
    await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
    for (const pusher of pushers) {
      await pusher.stop();
      expect(pusher.failed.size).toBe(0);
    }
    return new Map(streams.map((stream, i) => [stream, new Map(pushers[i]?.acknowledged)]));
  }

  /** Checks through a running gateway that all of them are stored. */
  async function expectStored(http: string, all: ReadonlyMap<string, ReadonlyMap<string, number>>) {
    for (const [stream, acknowledged] of all) {
      const answer = await request(`${http}/data/${stream}/entries?format=json&count=1000000`);
      const stored = new Map((answer.json() as [string, string, string][]).map(([, id, text]) => [id, text]));
      for (const [id, number] of acknowledged) expect(stored.get(id)).toBe(String(number));
    }
    expect((await request(`${http}/data/d?last_entry_id=0`)).text).toBe("x");
  }

  test.each(["1", "2"])(
    "stores all acknowledged entries, closes with 1001 and exits with 0: managed Redis, %s workers",
    async (WORKERS) => {
      await using gateway = await startGatewayProcess({ folder, env: { ...ALL, WORKERS } });
      const acknowledged = await endUnderLoad(gateway);
      expect(servers()).toEqual([]);
      await using next = await startGatewayProcess({ folder, env: ALL });
      await expectStored(next.http, acknowledged);
    },
  );

  test("stores all acknowledged entries, closes with 1001 and exits with 0: external Redis", async () => {
    await using redis = await startRedis();
    await using gateway = await startGatewayProcess({ env: { ...ALL, REDIS_URL: redis.url } });
    const acknowledged = await endUnderLoad(gateway);
    await using next = await startGatewayProcess({ env: { ...ALL, REDIS_URL: redis.url } });
    await expectStored(next.http, acknowledged);
  });

  test("stops in time also if Redis does not reply", async () => {
    await using redis = await startRedis();
    await using gateway = await startGatewayProcess({ env: { REDIS_URL: redis.url, SHUTDOWN_MS: "2000" } });
    const pusher = await startPusher(gateway.ws, "a");
    await until("it pushes", () => pusher.acknowledged.size > 100);
    redis.freeze();
    const start = performance.now();
    gateway.signal("SIGTERM");
    expect(await gateway.ended).toBe(0);
    expect(performance.now() - start).toBeLessThan(WITHIN_MS);
    await pusher.stop();
  });

  test.each(["1", "2"])("stops immediately on a second Ctrl-C: %s workers", async (WORKERS) => {
    await using redis = await startRedis();
    const env = { REDIS_URL: redis.url, SHUTDOWN_MS: "60000", WORKERS };
    await using gateway = await startGatewayProcess({ env });
    const pusher = await startPusher(gateway.ws, "a");
    await until("it pushes", () => pusher.acknowledged.size > 100);
    redis.freeze();
    await using waiting = await connectSocket(`${gateway.ws}/data/a/push?header=0&ack=1`);
    waiting.send("x");
    await waiting.taken();
    gateway.signal("SIGINT");
    await until("it stops", () => gateway.logged.some((line) => line.startsWith("stopping")));
    const expected = WORKERS === "1" ? 0 : 2;
    // The process that copies the listening socket at the start may still be ending.
    await until("only workers are below it", () => processesBelow(gateway.pid).length === expected);
    const workers = processesBelow(gateway.pid);
    // Signals within the first second count as one, because npm forwards the terminal's signal again.
    const again = setInterval(() => gateway.signal("SIGINT"), 100);
    expect(await gateway.ended).toBe(130);
    clearInterval(again);
    await until("its workers are gone", () => !workers.some(isAlive));
    await pusher.stop();
  });
});

describe("npm start", () => {
  const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

  /** Starts it in its own process group, and waits until it serves requests. */
  async function npmStart() {
    const env = { ...process.env, PORT: "0", DATA_DIR: join(folder, "data"), LOG_FORMAT: "json" };
    const npm = spawn("npm", ["start"], { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    npm.stdout.on("data", (chunk) => {
      text += chunk;
    });
    const ended = once(npm, "exit");
    await until("the gateway serves requests", () => text.includes('"Redis Streamer is up"'), 60_000);
    const url = /"url":"([^"]+)"/.exec(text)?.[1] ?? "";
    const pid = npm.pid ?? 0;
    return { npm, ended, url, below: processesBelow(pid), output: () => text };
  }

  test.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"] as const)(
    "%s to npm alone stops the gateway and its Redis in order",
    async (signal) => {
      const { npm, ended, url, below, output } = await npmStart();
      expect((await request(`${url}/data/s`, { method: "POST", body: "x" })).status).toBe(200);
      expect(servers()).toHaveLength(1);
      npm.kill(signal);
      await ended;
      await until("all processes have exited", () => !below.some(isAlive) && servers().length === 0, 15_000);
      expect(output()).toContain("stopping");
      await expect(request(url)).rejects.toThrow("ECONNREFUSED");
    },
    90_000,
  );
});

describe("prints and exits", () => {
  const START = fileURLToPath(new URL("../../../scripts/start.js", import.meta.url));
  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    spawnSync(process.execPath, [START, ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, PORT: "0", ...env },
      encoding: "utf8",
    });

  test("the version, and the help with all flags", () => {
    const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
    expect(run(["--version"])).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: "" });
    const help = run(["--help"]);
    expect(help).toMatchObject({ status: 0, stderr: "" });
    expect(help.stdout).toMatch(/^ {2}--version {2,}Show the version$/m);
  });

  test.each([
    ["1", "redis://127.0.0.1:0"],
    ["1", "redis+cluster://127.0.0.1:7000,"],
    ["2", "redis+sentinel://127.0.0.1:0/m"],
    ["1", "redis://127.0.0.1/main"],
    ["2", "unix://"],
  ])("an error with WORKERS=%s for REDIS_URL=%s, which no retry can heal", (workers, url) => {
    const { status, stderr, stdout } = run([], { REDIS_URL: url, WORKERS: workers, LOG_FORMAT: "json" });
    expect(stderr).toMatch(/^redis-streamer: REDIS_URL [^\n]*\n$/);
    expect(stdout).not.toContain("is up");
    expect(status).not.toBe(0);
  });
});
