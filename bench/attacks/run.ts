/** One run: starts all processes, runs the rounds of a plan and records the measurements. */
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../load/processes/free-port.ts";
import type { Server } from "../load/processes/process.ts";
import { type Children, residentBytes } from "../load/processes/process.ts";
import { type Redis, startRedis } from "../load/processes/redis.ts";
import { type Healthy, LARGE_ENTRIES, LARGE_STREAM, startHealthy, type Wait } from "./healthy.ts";
import {
  BIG_ENTRIES,
  BIG_ENTRY_BYTES,
  BIG_STREAM,
  MANY_STREAMS,
  SMALL_ENTRIES,
  SMALL_STREAM,
} from "./hostile/attack.ts";
import { makeKeys } from "./hostile/keys.ts";
import { type Hostiles, startHostiles } from "./hostile/processes.ts";
import { SLOW } from "./kinds/slow.ts";
import { type Holdings, holdings, leftBehind, stopPlaybacks } from "./leaks.ts";
import { peakBytes, resetPeak } from "./peak.ts";
import type { Plan } from "./plan.ts";
import { connectionsOf } from "./process-sockets.ts";
import { favour, measureShare, type Share } from "./share.ts";
import { MAX_WAIT_MS, type RoundRecord, type RunRecord } from "./verdict.ts";

/** Short timeouts, so that each deadline passes several times in a run. */
const SETTINGS = {
  HANDSHAKE_TIMEOUT_MS: "1000",
  IDLE_TIMEOUT_MS: "1000",
  UPLOAD_TIMEOUT_MS: "3000",
  PING_INTERVAL_MS: "1000",
  PING_TIMEOUT_MS: "4000",
  HEARTBEAT_MS: "1000",
  TICKET_TTL_MS: "1000",
  DEVICE_TIMEOUT: "2",
  // As in the image, whose memory is limited (docs/operating.md, "Memory").
  LD_PRELOAD: "libjemalloc.so.2",
  MALLOC_CONF: "dirty_decay_ms:500,muzzy_decay_ms:0,narenas:1",
};
/**
 * Maximum age (ms) of a connection of a slow client: the longest deadline above, the 10 s in which a WebSocket client must
 * answer a close frame, and tolerance for a busy machine.
 */
const OVERDUE_MS = 17_000;
const WARM_UP_MS = 1000;
const LOOK_MS = 500;

/** Participants of a run. */
interface Scene {
  readonly redis: Redis;
  readonly gateway: Server;
  readonly share: Share;
  readonly hostiles: Hostiles;
  /** API keys of the hostile and of the healthy clients; undefined without `AUTH`. */
  readonly hostileKey: string | undefined;
  readonly healthyKey: string | undefined;
}

async function fill(redis: Redis): Promise<void> {
  const script = `
    for i = 1, tonumber(ARGV[1]) do redis.call('XADD', 'default:${BIG_STREAM}', '*', 'd', string.rep('a', tonumber(ARGV[2]))) end
    for i = 1, tonumber(ARGV[3]) do redis.call('XADD', 'default:${SMALL_STREAM}', '*', 'd', 'small ' .. i) end
    for i = 1, tonumber(ARGV[5]) do redis.call('XADD', 'default:${LARGE_STREAM}', '*', 'd', string.rep('c', tonumber(ARGV[2]))) end
    for i = 0, tonumber(ARGV[4]) - 1 do redis.call('XADD', 'default:hostile-many-' .. i, '*', 'd', string.rep('b', 1000)) end`;
  const counts = [BIG_ENTRIES, BIG_ENTRY_BYTES, SMALL_ENTRIES, MANY_STREAMS, LARGE_ENTRIES].map(String);
  await redis.command("EVAL", script, "0", ...counts);
}

const SLOW_NAMES = new Set(SLOW.map(({ name }) => name));

/**
 * Records connections of slow attacks that are older than every deadline. Those of other attacks may stay: they end with
 * their round, which on a busy machine lasts longer than planned. A client that does not read does not notice a
 * reset, which frees its port for another connection: so the age is that of the gateway's socket.
 */
function watchOverdue({ gateway, hostiles }: Scene, overdue: Record<string, number>) {
  /** Time at which each socket of the gateway was first seen, by inode. */
  let seen = new Map<string, number>();
  const timer = setInterval(() => {
    const now = Date.now();
    const open = connectionsOf(gateway.pid, gateway.port);
    seen = new Map([...open.values()].map((inode) => [inode, seen.get(inode) ?? now]));
    for (const { attack, local } of hostiles.connections) {
      const age = now - (seen.get(open.get(local) ?? "") ?? now);
      if (SLOW_NAMES.has(attack) && age > OVERDUE_MS) overdue[attack] = Math.max(overdue[attack] ?? 0, age);
    }
  }, LOOK_MS);
  return () => clearInterval(timer);
}

const longWaits = (waits: readonly Wait[], share: Share) =>
  waits
    .filter(({ from, to }) => to - from > MAX_WAIT_MS)
    .map((wait) => ({
      what: wait.what,
      at: new Date(Date.now() - performance.now() + wait.from).toISOString(),
      ms: wait.to - wait.from,
      allowedMs: share.allowance(wait),
      activities: share.activity(wait),
    }));

async function rounds(plan: Plan, scene: Scene, healthy: Healthy, say: (line: string) => void) {
  const { gateway, hostiles, share, hostileKey } = scene;
  const target = { port: gateway.port, key: hostileKey };
  const records: RoundRecord[] = [];
  let isDead = false;
  void gateway.ended.then(() => {
    isDead = true;
  });
  for (const [i, { names, ms }] of plan.rounds.entries()) {
    if (isDead) break;
    resetPeak(gateway.pid);
    const seen = healthy.waits.length;
    const end = hostiles.begin(target, plan.seed + i, plan.clients, names);
    await sleep(ms);
    await end();
    if (isDead) break;
    const record = {
      attacks: names,
      longWaits: longWaits(healthy.waits.slice(seen), share),
      peakBytes: peakBytes(gateway.pid),
    };
    records.push(record);
    const worst = Math.max(0, ...healthy.waits.slice(seen).map(({ from, to }) => to - from));
    const beyond = Math.max(0, ...record.longWaits.map(({ ms: all, allowedMs }) => all - allowedMs));
    say(
      `longest wait ${worst.toFixed(0).padStart(6)} ms, ${beyond.toFixed(0).padStart(6)} beyond the machine's delay, ${(record.peakBytes / 2 ** 20).toFixed(0).padStart(5)} MB: ${names.join(", ")}`,
    );
  }
  return records;
}

/** Waits until all resources are released. @returns the resources that still are not */
async function settled(scene: Scene, before: Holdings, limitAt: number): Promise<readonly string[]> {
  const { gateway, redis, healthyKey } = scene;
  for (; ; await sleep(500)) {
    const left = leftBehind(before, await holdings(gateway, redis, healthyKey));
    if (left.length === 0 || performance.now() > limitAt) return left;
  }
}

async function play(plan: Plan, scene: Scene, say: (line: string) => void): Promise<RunRecord> {
  const { gateway, redis, hostiles, healthyKey, hostileKey, share } = scene;
  const warm = await startHealthy(gateway.port, healthyKey);
  await sleep(WARM_UP_MS);
  await warm.stop();
  await redis.command("DEL", "default:healthy");
  await sleep(LOOK_MS);
  const before = await holdings(gateway, redis, healthyKey);
  say(`${(residentBytes(gateway.pid) / 2 ** 20).toFixed(0)} MB resident before the attacks`);

  const overdue: Record<string, number> = {};
  let died: string | undefined;
  void gateway.ended.then((how) => {
    died = how;
  });
  const stopWatching = watchOverdue(scene, overdue);
  const healthy = await startHealthy(gateway.port, healthyKey, plan.hasLargeReads);
  const endSlow = hostiles.begin({ port: gateway.port, key: hostileKey }, plan.seed, plan.slowClients, [
    ...SLOW_NAMES,
  ]);
  say("starting the attacks");
  const records = await rounds(plan, scene, healthy, say);
  stopWatching();
  await endSlow();
  const releasedAt = performance.now() + plan.releaseMs;
  const ended = died;
  if (ended === undefined) {
    await healthy.stop();
    await stopPlaybacks(gateway.port, healthyKey);
  }
  const all = longWaits(healthy.waits, share);
  return {
    seed: plan.seed,
    rounds: records,
    complaints: healthy.complaints,
    overdue,
    left: ended === undefined ? await settled(scene, before, releasedAt) : [],
    healthyWaits: healthy.waits.length - all.length,
    ...(ended !== undefined && { died: ended }),
  };
}

/** Starts the gateway of a built checkout. */
async function startGateway(
  children: Children,
  checkout: string,
  settings: Readonly<Record<string, string>>,
): Promise<Server> {
  const port = await freePort();
  const env = { HOST: "127.0.0.1", PORT: String(port), LOG_FORMAT: "json", LOG_LEVEL: "error", ...settings };
  const main = join(checkout, "dist/bin/main.js");
  const child = await children.start(process.execPath, [main], env, () => answers(port));
  return { ...child, port };
}

const answers = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/readyz`).then(
    (response) => response.ok,
    () => false,
  );

async function startIdle(children: Children): Promise<Server> {
  const port = await freePort();
  const program = fileURLToPath(new URL("./idle-process.js", import.meta.url));
  const child = await children.start(process.execPath, [program, String(port)], {}, () => listens(port));
  return { ...child, port };
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });

/** Options of a run. */
export interface RunOptions {
  readonly plan: Plan;
  /** Built checkout whose gateway is attacked. */
  readonly checkout: string;
  /** Empty folder for the files of the run. */
  readonly dir: string;
  readonly children: Children;
  /** Receives a line for each step. */
  readonly say: (line: string) => void;
}

/** Runs a plan. @throws Error if the processes do not start */
export async function run({ plan, checkout, dir, children, say }: RunOptions): Promise<RunRecord> {
  const redis = await startRedis(children, dir);
  await fill(redis);
  const keysFile = join(dir, "keys.json");
  const keys = plan.auth ? makeKeys(keysFile) : undefined;
  const gateway = await startGateway(children, checkout, {
    ...SETTINGS,
    ...{ REDIS_URL: redis.url, RECORDINGS_DIR: join(dir, "recordings") },
    ...(plan.auth && { AUTH: "1", AUTH_KEYS_FILE: keysFile }),
  });
  say(`gateway ${gateway.pid} on port ${gateway.port}${plan.auth ? " with AUTH=1" : ""}`);
  const idle = await startIdle(children);
  using hostiles = startHostiles();
  favour(gateway.pid, redis.pid, idle.pid, process.pid);
  using share = measureShare(idle.port, [gateway.pid, redis.pid]);
  try {
    const [hostileKey, healthyKey] = [keys?.hostile, keys?.healthy];
    return await play(plan, { redis, gateway, share, hostiles, hostileKey, healthyKey }, say);
  } finally {
    await Promise.all([gateway.stop(), idle.stop()]);
    await redis.stop();
  }
}
