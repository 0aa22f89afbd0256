/** The managed Redis on real servers: its life, its death, and several gateways on one data directory. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { appendFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Logger } from "../../../src/domain/logger.ts";
import { namingDataDir } from "../../../src/redis/managed/data-dir.ts";
import {
  findServer,
  type ManagedServer,
  ManagedServerError,
  type ManagedServerOptions,
  startManagedServer,
} from "../../../src/redis/managed/managed-server.ts";
import { query } from "../../../src/redis/managed/server-probe.ts";
import { adoptServer } from "../../../src/redis/managed/server-process.ts";
import { appendOnlyFile, cutLastTransaction } from "../../support/redis/append-only-file.ts";
import { eventLoopTurns } from "../../support/until.ts";
import { buildGateway, type GatewayChild } from "./gateway-child.ts";

let folder: string;
let dataDir: string;
/** Log messages, each with its level. */
let logged: string[];
let logger: Logger;
/** Longest wait (ms) for a condition: vitest's own second is too short on a busy machine. */
const WITHIN_MS = 60_000;

const open: ManagedServer[] = [];
const children: GatewayChild[] = [];
let gateway: ReturnType<typeof buildGateway>;

beforeAll(() => {
  gateway = buildGateway();
});
afterAll(() => gateway.clear());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "managed-"));
  dataDir = join(folder, "data");
  logged = [];
  const log = (level: string) => (_: object, message: string) => {
    logged.push(`${level} ${message}`);
  };
  logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
  for (const child of children.splice(0)) child.signal("SIGKILL");
  for (const pid of serversOf(dataDir)) process.kill(pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: Partial<ManagedServerOptions> = {}): Promise<ManagedServer> {
  const server = await startManagedServer({ dataDir, fsync: "always", logger, ...options });
  open.push(server);
  return server;
}

async function startChild(): Promise<GatewayChild> {
  const child = await gateway.start(dataDir);
  children.push(child);
  return child;
}

/** Ends a child by a signal and waits until it is gone. */
async function end(child: GatewayChild, signal: NodeJS.Signals): Promise<void> {
  children.splice(children.indexOf(child), 1);
  child.signal(signal);
  const how = await child.ended;
  expect(how, child.complaints.join("\n")).toBe(signal === "SIGKILL" ? "SIGKILL" : 0);
}

/** The process ids of all Redis servers that work in a directory. */
function serversOf(directory: string): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        return (
          /^(redis|valkey)/.test(readFileSync(`/proc/${pid}/comm`, "utf8")) &&
          readlinkSync(`/proc/${pid}/cwd`) === directory
        );
      } catch {
        return false;
      }
    });
}

const call = (path: string, ...command: string[]) => query(path, command, 5_000).then(String);
const setting = async (path: string, name: string) =>
  (await call(path, "CONFIG", "GET", name)).split(",").at(1);

async function pidOf(path: string): Promise<number> {
  return Number(/^process_id:(\d+)/m.exec(await call(path, "INFO", "server"))?.[1]);
}

/** Waits until the server answers, not only that it is loading, with another process than before. */
async function successorOf(pid: number, path: string): Promise<number> {
  return vi.waitFor(
    async () => {
      await call(path, "PING");
      const now = await pidOf(path);
      expect(now).not.toBe(pid);
      return now;
    },
    { timeout: 60_000 },
  );
}

/** A program that claims to be a Redis server. */
function fakeServer(name: string, version: string, then = "exit 1"): { readonly PATH: string } {
  const file = join(folder, name);
  writeFileSync(
    file,
    `#!/bin/sh\n[ "$1" = --version ] && { echo "Redis server v=${version} sha=0"; exit; }\n${then}\n`,
  );
  chmodSync(file, 0o755);
  return { PATH: folder };
}

describe("one gateway", () => {
  it("runs an append-only server on a unix socket alone, for this user alone", async () => {
    const { path } = await start({ fsync: "everysec" });
    expect(path).toBe(join(dataDir, "redis.sock"));
    expect(await setting(path, "port")).toBe("0");
    expect(await setting(path, "appendonly")).toBe("yes");
    expect(await setting(path, "appendfsync")).toBe("everysec");
    expect(await setting(path, "save")).toBe("");
    expect(await setting(path, "dir")).toBe(dataDir);
    expect(await setting(path, "auto-aof-rewrite-percentage")).toBe("100");
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it("accepts a data directory of any name", async () => {
    dataDir = join(folder, 'a "b" $c \\d');
    const { path } = await start();
    expect(await call(path, "SET", "key", "value")).toBe("OK");
  });

  it("keeps the data over a restart, and leaves neither process nor socket behind", async () => {
    const first = await start();
    await call(first.path, "XADD", "stream", "1-1", "d", "payload");
    expect(serversOf(dataDir)).toHaveLength(1);
    await first.close();
    expect(serversOf(dataDir)).toEqual([]);
    expect(readdirSync(dataDir).sort()).toEqual(["appendonlydir", "gateways"]);
    const second = await start();
    expect(await call(second.path, "XRANGE", "stream", "-", "+")).toBe("1-1,d,payload");
  });

  it("restarts a killed server, with all acknowledged entries", async () => {
    const ends: string[] = [];
    const { path } = await start({ onExit: (how) => ends.push(how) });
    let pid = await pidOf(path);
    for (let death = 1; death <= 3; death++) {
      await call(path, "XADD", "stream", `${death}-1`, "d", "payload");
      process.kill(pid, "SIGKILL");
      await vi.waitFor(() => expect(logged.join().split("is ready")).toHaveLength(death + 2), WITHIN_MS);
      pid = await pidOf(path);
      expect(await call(path, "XINFO", "STREAM", "stream")).toContain(`last-generated-id,${death}-1`);
    }
    expect(ends).toHaveLength(3);
    expect(ends[0]).toContain("SIGKILL");
    expect(logged.filter((line) => line.startsWith("error "))).toHaveLength(3);
    expect(serversOf(dataDir)).toEqual([pid]);
  });

  it("stops retrying when it is closed while the server is down", async () => {
    const { path, close } = await start({ onExit: () => void close() });
    process.kill(await pidOf(path), "SIGKILL");
    await vi.waitFor(() => expect(logged.join()).toContain("ended unexpectedly"), WITHIN_MS);
    await close();
    expect(serversOf(dataDir)).toEqual([]);
  });

  it("kills a server that does not stop", async () => {
    const { path, close } = await start();
    const pid = await pidOf(path);
    process.kill(pid, "SIGSTOP");
    await close();
    expect(serversOf(dataDir)).toEqual([]);
    expect(logged.join()).toContain("did not end within");
  });

  it("logs the server's messages", async () => {
    await start();
    expect(logged).toContainEqual(expect.stringMatching(/^debug redis: .*ready to accept connections/i));
    expect(logged.filter((line) => /^(warn|error) /.test(line))).toEqual([]);
  });

  it("uses a short socket path if the data directory's path is too long", async () => {
    dataDir = join(folder, "long".repeat(30));
    const { path, close } = await start();
    expect(Buffer.byteLength(path)).toBeLessThanOrEqual(100);
    expect(await setting(path, "dir")).toBe(dataDir);
    const second = await start();
    expect(second.path).toBe(path);
    expect(serversOf(dataDir)).toHaveLength(1);
    await second.close();
    await close();
    expect(existsSync(path)).toBe(false);
    rmSync(join(path, ".."), { recursive: true });
  });

  it("can be aborted while it starts", async () => {
    const env = fakeServer("redis-server", "7.0.15", "exec sleep 600");
    const giveUp = new AbortController();
    const starting = start({ env, signal: giveUp.signal });
    const pid = await vi.waitFor(
      () => Number(readFileSync(join(dataDir, "redis.pid"), "utf8")) || expect.fail(),
      WITHIN_MS,
    );
    giveUp.abort(new Error("not any more"));
    await expect(starting).rejects.toThrow();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(readdirSync(dataDir)).toEqual(["gateways"]);
  });

  it("keeps what is written after a crash within a transaction", async () => {
    const { path, close } = await start();
    await call(path, "EVAL", "redis.call('SET', 'a', 1) redis.call('SET', 'b', 1)", "0");
    await close();
    cutLastTransaction(dataDir);
    const repaired = await start();
    expect(logged).toContainEqual(expect.stringContaining("was incomplete; Redis rewrites it"));
    expect(await call(path, "INFO", "persistence")).toContain("aof_rewrites:1");
    await call(path, "SET", "later", "kept");
    // The new file may not be complete yet.
    await repaired.close();
    await start();
    expect(await call(path, "GET", "later")).toBe("kept");
  });
});

describe("a server that cannot be started", () => {
  it("is reported by name if the program is not installed", async () => {
    const starting = start({ env: { PATH: folder } });
    await expect(starting).rejects.toThrow(ManagedServerError);
    await expect(starting).rejects.toThrow(
      /neither redis-server nor valkey-server is on the PATH.*REDIS_URL/,
    );
  });

  it("is rejected if it is too old", async () => {
    const starting = start({ env: fakeServer("redis-server", "6.0.16") });
    await expect(starting).rejects.toThrow(/redis-server is version 6\.0\.16, but .* 6\.2 or newer/);
    expect(serversOf(dataDir)).toEqual([]);
  });

  it("is found under the other name if it is newer there", async () => {
    const env = fakeServer("redis-server", "6.0.16");
    symlinkSync((await findServer(process.env)).file, join(folder, "valkey-server"));
    expect(await findServer(env)).toEqual({
      file: join(folder, "valkey-server"),
      version: expect.any(String),
    });
    const { path } = await start({ env });
    expect(await call(path, "PING")).toBe("PONG");
  });

  it("has its last log lines in the error: a broken append-only file", async () => {
    const { path, close } = await start();
    for (let i = 0; i < 50; i++) await call(path, "SET", `key${i}`, "value");
    await close();
    const file = appendOnlyFile(dataDir);
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill("x", 100, 200));
    const starting = start();
    await expect(starting).rejects.toThrow(ManagedServerError);
    await expect(starting).rejects.toThrow(/ended with code 1.*Bad file format reading the append only file/);
    expect(readdirSync(dataDir)).not.toContain("redis.pid");
  });

  it("has its last log lines in the error: an unknown setting", async () => {
    const env = fakeServer("redis-server", "7.0.15", 'echo "*** FATAL CONFIG FILE ERROR" >&2; exit 1');
    await expect(start({ env })).rejects.toThrow(/ended with code 1; last log lines: .*FATAL CONFIG/);
  });

  it("is reported if the data directory cannot be created", async () => {
    writeFileSync(dataDir, "a file");
    await expect(start()).rejects.toThrow(/data directory .* cannot be created: EEXIST/);
  });

  it("rejects a data directory under /proc, where none can be created", async () => {
    await expect(start({ dataDir: "/proc/nope/data" })).rejects.toThrow(
      /data directory \/proc\/nope\/data cannot be created: ENOENT/,
    );
  });

  it("creates the parents of the data directory for this user alone", async () => {
    dataDir = join(folder, "a/b/data");
    await start();
    for (const one of ["a", "a/b", "a/b/data"]) expect(statSync(join(folder, one)).mode & 0o777).toBe(0o700);
  });

  it("reports the data directory if the disk is full", async () => {
    const full = await appendFile("/dev/full", "x").catch((error: unknown) => error);
    expect(String(namingDataDir(full, dataDir))).toContain(
      `the data directory ${dataDir} cannot be used: ENOSPC`,
    );
  });
});

describe("several gateways on one data directory", () => {
  it("share one server, which stays when one of them leaves", async () => {
    const owner = await start();
    const guest = await start();
    const pid = await pidOf(owner.path);
    expect(guest.path).toBe(owner.path);
    expect(logged).toContainEqual(expect.stringContaining("sharing the managed Redis of another gateway"));
    await guest.close();
    expect(await pidOf(owner.path)).toBe(pid);
    await owner.close();
    expect(serversOf(dataDir)).toEqual([]);
  });

  it("pass the server on when its owner closes, and the last one stops it", async () => {
    const owner = await startChild();
    const guest = await start();
    const pid = await pidOf(owner.path);
    await end(owner, "SIGTERM");
    await vi.waitFor(() => expect(logged.join()).toContain("adopted the Redis"), WITHIN_MS);
    expect(await pidOf(guest.path)).toBe(pid);
    await guest.close();
    expect(serversOf(dataDir)).toEqual([]);
  });

  it("adopt the server of a killed gateway, and own it from then on", async () => {
    const killed = await startChild();
    const pid = await pidOf(killed.path);
    await call(killed.path, "SET", "key", "value");
    await end(killed, "SIGKILL");
    const { path, close } = await start({ fsync: "everysec" });
    expect(await pidOf(path)).toBe(pid);
    expect(await call(path, "GET", "key")).toBe("value");
    expect(await setting(path, "appendfsync")).toBe("everysec");
    process.kill(pid, "SIGKILL");
    await successorOf(pid, path);
    expect(await call(path, "GET", "key")).toBe("value");
    await close();
    expect(serversOf(dataDir)).toEqual([]);
  });

  it("stop an adopted server when they close", async () => {
    const killed = await startChild();
    await end(killed, "SIGKILL");
    const { close } = await start();
    expect(serversOf(dataDir)).toHaveLength(1);
    await close();
    expect(serversOf(dataDir)).toEqual([]);
  });

  it("end an unreachable server before they start another on its files", async () => {
    const killed = await startChild();
    const pid = await pidOf(killed.path);
    await call(killed.path, "SET", "key", "value");
    await end(killed, "SIGKILL");
    rmSync(killed.path);
    const { path } = await start();
    expect(await pidOf(path)).not.toBe(pid);
    expect(serversOf(dataDir)).toEqual([await pidOf(path)]);
    expect(await call(path, "GET", "key")).toBe("value");
  });

  it("start the server again when its owner was killed together with it", async () => {
    const killed = await startChild();
    const guest = await start();
    const pid = await pidOf(killed.path);
    await call(guest.path, "SET", "key", "value");
    killed.signal("SIGSTOP");
    process.kill(pid, "SIGKILL");
    await end(killed, "SIGKILL");
    await successorOf(pid, guest.path);
    expect(await call(guest.path, "GET", "key")).toBe("value");
  });

  it("start one server when they start at once, also after killed ones", async () => {
    for (let round = 0; round < 3; round++) {
      const started = await Promise.all([startChild(), startChild(), startChild(), startChild()]);
      const [pid] = serversOf(dataDir);
      expect(serversOf(dataDir)).toEqual([pid]);
      for (const child of started) expect(await pidOf(child.path)).toBe(pid);
      expect(started.filter((child) => child.logged.join().includes("is ready"))).toHaveLength(1);
      await Promise.all(started.map((child) => end(child, "SIGKILL")));
      if (round === 0 && pid !== undefined) process.kill(pid, "SIGKILL");
    }
  });

  it("adopt no server that another one stops at this moment", async () => {
    const { path } = await startChild();
    const pid = await pidOf(path);
    process.kill(pid, "SIGSTOP");
    const adopting = adoptServer({ dataDir, path, fsync: "always", logger });
    // It has connected, and its request gets no reply.
    await eventLoopTurns(20);
    process.kill(pid, "SIGKILL");
    expect(await adopting).toBeUndefined();
  });

  it("stop the server when all are closed at once", async () => {
    for (let round = 0; round < 5; round++) {
      const started = await Promise.all([startChild(), startChild(), startChild()]);
      await Promise.all(started.map((child) => end(child, "SIGTERM")));
      expect(serversOf(dataDir)).toEqual([]);
    }
  });
});

it("Ctrl-C in the terminal reaches the gateway and not the server", async () => {
  const child = await startChild();
  const pid = await pidOf(child.path);
  const [, , group, session] = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  expect([Number(group), Number(session)]).toEqual([pid, pid]);
  child.signalGroup("SIGINT");
  await vi.waitFor(() => expect(child.logged).toContain("interrupted"), WITHIN_MS);
  expect(await call(child.path, "SET", "key", "flushed")).toBe("OK");
  await end(child, "SIGTERM");
  expect(child.logged.join()).not.toContain("ended unexpectedly");
  expect(serversOf(dataDir)).toEqual([]);
});
