/**
 * Soak test: pushers and readers of every kind on one gateway for a given time. It continuously checks every reader's
 * sequence and every acknowledgement, shows the memory of the gateway over time, and finally reports whether memory
 * stayed flat.
 *
 * Exit code 1 if an entry was lost, repeated or out of order, or if memory grew.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { readOptions } from "../arguments.ts";
import { median } from "../load/measurement/statistics.ts";
import type { Server } from "../load/processes/process.ts";
import { residentBytes } from "../load/processes/process.ts";
import { type Redis, startRedis } from "../load/processes/redis.ts";
import { openWorkspace } from "../load/processes/workspace.ts";
import { createStage } from "../stage.ts";
import { KINDS } from "./follow.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { type Pusher, type PusherOptions, startPusher } from "./pusher.ts";
import { type Reader, startReader } from "./reader.ts";

const USAGE = ["npm run soak                       30 minutes", "npm run soak -- --minutes 2"].join("\n");

/** Ten pushers: sensors, audio, a camera, and one that sends in bursts. */
const PUSHERS: readonly PusherOptions[] = [
  ...Array.from({ length: 5 }, (_, i) => ({
    stream: `sensor-${i}`,
    entryBytes: 100,
    rate: 100,
    everyMs: 10,
  })),
  ...Array.from({ length: 2 }, (_, i) => ({ stream: `audio-${i}`, entryBytes: 2000, rate: 50, everyMs: 20 })),
  { stream: "events", entryBytes: 500, rate: 5, everyMs: 100 },
  { stream: "bursts", entryBytes: 200, rate: 100, everyMs: 5000 },
  { stream: "camera", entryBytes: 30_000, rate: 15, everyMs: 66 },
];
const REPORT_MS = 10_000;
const SAMPLE_MS = 1000;
/** Maximum time until all readers have the last entries, after pushing stops. */
const LAST_MS = 60_000;
/** Allowed growth of memory between the second and the last quarter of the time, in addition to 10%. */
const GROWTH_BYTES = 10 * 2 ** 20;
const MAX_PROBLEMS = 20;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1).padStart(7);

function readMinutes(): number {
  const values = readOptions(USAGE, { minutes: { type: "string", default: "30" } });
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 10_000))
    throw new Error(`--minutes must be a number above 0, up to 10000, got "${values.minutes}"`);
  return minutes;
}

/** @returns the problems found */
async function soak(redis: Redis, gateway: Server, minutes: number): Promise<readonly string[]> {
  const problems: string[] = [];
  const report = (problem: string) => {
    problems.push(problem);
    if (problems.length <= MAX_PROBLEMS) say(`PROBLEM ${problem}`);
  };
  const ledgers = new Map<string, Ledger>();
  const readers: { readonly stream: string; readonly reader: Reader }[] = [];
  const pushers: Pusher[] = [];
  for (const options of PUSHERS) {
    const { stream } = options;
    const ledger = createLedger(stream, report);
    ledgers.set(stream, ledger);
    for (const kind of KINDS) {
      const events = kind === "json" ? { report, see: ledger.see } : { report };
      readers.push({ stream, reader: startReader(gateway.port, stream, kind, events) });
    }
    pushers.push(await startPusher(gateway.port, options, ledger, report));
  }

  const total = () => [...ledgers.values()].reduce((sum, ledger) => sum + ledger.acknowledged, 0);
  const samples: number[] = [];
  const start = performance.now();
  const end = start + minutes * 60_000;
  say("minutes   gateway MB   redis MB   this MB   acknowledged   readers behind");
  for (let reported = start; performance.now() < end; await sleep(SAMPLE_MS)) {
    samples.push(residentBytes(gateway.pid));
    if (performance.now() - reported < REPORT_MS) continue;
    reported = performance.now();
    const behind = readers.filter(({ stream, reader }) => {
      return (ledgers.get(stream)?.acknowledged ?? 0) - reader.next > 100;
    });
    say(
      [
        ((performance.now() - start) / 60_000).toFixed(2).padStart(7),
        megabytes(samples.at(-1) ?? 0).padStart(12),
        megabytes(residentBytes(redis.pid)).padStart(10),
        megabytes(process.memoryUsage.rss()).padStart(9),
        String(total()).padStart(14),
        String(behind.length).padStart(16),
      ].join(" "),
    );
  }

  for (const pusher of pushers) pusher.stop();
  for (const { reader } of readers) reader.settle();
  await settled(pushers, ledgers, readers).catch((error: Error) => report(error.message));
  for (const { reader } of readers) reader.close();
  for (const pusher of pushers) pusher.close();
  for (const [stream, { acknowledged, open }] of ledgers) {
    if (open > 0)
      report(`${stream}: ${open} entries were acknowledged and not read, or read and not acknowledged`);
    const stored = await storedOf(redis, stream);
    if (stored !== String(acknowledged))
      report(`${stream}: ${acknowledged} entries were acknowledged, but Redis stores ${stored}`);
  }
  const [before, after] = [quarter(samples, 1), quarter(samples, 3)];
  say(
    `resident memory of the gateway, MB: ${megabytes(before)} in the second quarter, ${megabytes(after)} in the last`,
  );
  if (after > before * 1.1 + GROWTH_BYTES) report("the gateway's memory grew");
  say(`${total()} entries acknowledged, ${readers.length} readers, ${problems.length} problems`);
  return problems;
}

const quarter = (samples: readonly number[], index: number): number =>
  median(samples.slice((samples.length * index) / 4, (samples.length * (index + 1)) / 4));

/** Waits until every entry is acknowledged and every reader has it. @throws Error that lists the late readers */
async function settled(
  pushers: readonly Pusher[],
  ledgers: ReadonlyMap<string, Ledger>,
  readers: readonly { readonly stream: string; readonly reader: Reader }[],
): Promise<void> {
  const sent = pushers.reduce((sum, pusher) => sum + pusher.sent, 0);
  const acknowledged = () => [...ledgers.values()].reduce((sum, ledger) => sum + ledger.acknowledged, 0);
  const late = () =>
    readers.filter(({ stream, reader }) => reader.next !== ledgers.get(stream)?.acknowledged);
  for (
    const limit = performance.now() + LAST_MS;
    acknowledged() < sent || late().length > 0;
    await sleep(50)
  ) {
    if (performance.now() < limit) continue;
    const names = late().map(
      ({ stream, reader }) => `${reader.kind} of ${stream} (waits for ${reader.next})`,
    );
    throw new Error(
      `timed out with ${sent - acknowledged()} unacknowledged entries and late readers: ${names.join(", ")}`,
    );
  }
}

/** Returns the number of entries in a stream if they are numbered 0, 1, 2, … in order; otherwise a description of the problem. */
function storedOf(redis: Redis, stream: string): Promise<string> {
  const script = `
    local n, from = 0, '-'
    while true do
      local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 1000)
      if #page == 0 then return tostring(n) end
      for _, entry in ipairs(page) do
        local number = tonumber(string.match(entry[2][2], '^%d+'))
        if number ~= n then return 'expected entry ' .. n .. ', got entry ' .. number end
        n = n + 1
      end
      from = '(' .. page[#page][1]
    end`;
  return redis.command("EVAL", script, "1", `default:${stream}`);
}

const { dir, children } = openWorkspace("soak");
try {
  const minutes = readMinutes();
  const redis = await startRedis(children, dir);
  const stage = createStage(children, redis, 1, say);
  // Streams are not trimmed, so that even slow readers receive every entry.
  const gateway = await stage.startGateway({ REDIS_STREAM_MAXLEN: "0" });
  process.exitCode = (await soak(redis, gateway, minutes)).length === 0 ? 0 : 1;
  await gateway.stop();
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = 2;
} finally {
  children.killAll();
}
