/**
 * Console benchmark: one minute in Chromium without a GPU, with a camera of 30 pictures per second in 720p and the boxes of
 * a detector over them, an IMU of 1 kHz and 200 listed streams, all on this machine. Measures frame times and memory.
 *
 * Exit code 1 if frames take more than 20 ms at p95, or if the page's memory grows.
 */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, type CDPSession, chromium, type Page } from "playwright-core";
import { readOptions } from "../arguments.ts";
import { createSamples } from "../load/measurement/statistics.ts";
import { CHROMIUM } from "../load/processes/chromium.ts";
import { residentBytes } from "../load/processes/process.ts";
import { startRedis } from "../load/processes/redis.ts";
import { openWorkspace } from "../load/processes/workspace.ts";
import { createStage } from "../stage.ts";
import { SHOWN_STREAMS, startDevices } from "./devices.ts";

const USAGE = [
  "npm run bench:console",
  "npm run bench:console -- --listed 5000",
  "npm run bench:console -- --seconds 20 --trace trace.json     also writes a trace for Chromium's developer tools",
].join("\n");

const MAX_P95_MS = 20;
/** Allowed growth of the heap between the second and the last quarter of the time, in addition to 10%. */
const GROWTH_BYTES = 5 * 2 ** 20;
/** Time (ms) in which the page settles before the measurement starts. */
const WARM_UP_MS = 5000;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`;

interface Looked {
  /** Times between consecutive frames, ms. */
  readonly frames: readonly number[];
  /** The page's heap, bytes, once a second. */
  readonly heap: readonly number[];
  /** Resident memory of the page's process in bytes, once a second. */
  readonly resident: readonly number[];
  /** Shares of a core used by the page's main thread. */
  readonly busy: Readonly<Record<"tasks" | "scripts" | "layout", number>>;
  /** Pictures drawn per second, as reported by the page. */
  readonly fps: string;
}

/** Counts animation frames in the page. It is a string because this file is compiled without browser types. */
const COUNT_FRAMES = `(() => {
  const frames = (window.__frames = []);
  let last = performance.now();
  requestAnimationFrame(function frame() {
    // Uses the clock and not the frame's timestamp, which does not change if its work starts late.
    const now = performance.now();
    frames.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  });
})()`;

async function look(page: Page, session: CDPSession, pid: number, seconds: number): Promise<Looked> {
  const before = await metricsOf(session);
  await page.evaluate(COUNT_FRAMES);
  const heap: number[] = [];
  const resident: number[] = [];
  for (let second = 0; second < seconds; second++) {
    await sleep(1000);
    heap.push((await metricsOf(session)).get("JSHeapUsedSize") ?? 0);
    resident.push(residentBytes(pid));
  }
  const frames: number[] = await page.evaluate("window.__frames");
  const after = await metricsOf(session);
  const share = (name: string) => ((after.get(name) ?? 0) - (before.get(name) ?? 0)) / seconds;
  return {
    // The first frame started before the measurement.
    frames: frames.slice(1),
    heap,
    resident,
    busy: {
      tasks: share("TaskDuration"),
      scripts: share("ScriptDuration"),
      // cspell:ignore Recalc
      layout: share("LayoutDuration") + share("RecalcStyleDuration"),
    },
    fps:
      (await page
        .getByText(/[\d.]+ fps/)
        .first()
        .textContent()) ?? "",
  };
}

async function metricsOf(session: CDPSession): Promise<ReadonlyMap<string, number>> {
  const { metrics } = await session.send("Performance.getMetrics");
  return new Map(metrics.map(({ name, value }) => [name, value]));
}

/** Returns the process of the open page. */
async function pageProcess(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const pages = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
  return pages.sort((a, b) => residentBytes(b) - residentBytes(a))[0] ?? 0;
}

/** @returns values that exceed their limits */
function tell({ frames, heap, resident, busy, fps }: Looked): readonly string[] {
  const samples = createSamples();
  for (const frame of frames) samples.add(frame);
  const at = (share: number) => samples.percentile(share);
  const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
  /** Smallest value in a quarter of the time: memory in use, without garbage that has not been collected yet. */
  const min = (of: readonly number[], quarter: number) =>
    Math.min(...of.slice((of.length * quarter) / 4, (of.length * (quarter + 1)) / 4));
  const [early, late] = [min(heap, 1), min(heap, 3)];
  say(
    `frames: ${frames.length}; ms p50 ${at(0.5).toFixed(1)}, p95 ${at(0.95).toFixed(1)}, p99 ${at(0.99).toFixed(1)}, most ${at(1).toFixed(1)}`,
  );
  say(
    `the page's thread: busy ${percent(busy.tasks)}, scripts ${percent(busy.scripts)}, layout and styles ${percent(busy.layout)}`,
  );
  say(`heap: ${megabytes(early)} in the second quarter, ${megabytes(late)} in the last`);
  say(
    `resident: ${megabytes(min(resident, 1))} in the second quarter, ${megabytes(min(resident, 3))} in the last`,
  );
  say(`pictures: ${fps}`);
  const problems: string[] = [];
  if (at(0.95) > MAX_P95_MS) problems.push(`frames take ${at(0.95).toFixed(1)} ms at p95`);
  if (late > early * 1.1 + GROWTH_BYTES) problems.push("the page's memory grew");
  return problems;
}

const { dir, children } = openWorkspace("console");
try {
  const values = readOptions(USAGE, {
    seconds: { type: "string", default: "60" },
    listed: { type: "string", default: "200" },
    trace: { type: "string" },
  });
  const listed = Number(values.listed);
  const redis = await startRedis(children, dir);
  const gateway = await createStage(children, redis, 1, say).startGateway();
  const url = `http://127.0.0.1:${gateway.port}`;
  const devices = await startDevices(url, listed);
  const browser = await chromium.launch(CHROMIUM);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  // cspell:ignore Acamera Aimu
  await page.goto(`${url}/#open=rover%3Acamera&view=auto&open=rover%3Aimu&view=auto`);
  const all = (listed + SHOWN_STREAMS.length).toLocaleString("en");
  await page.getByText(`${all} of ${all} streams`).waitFor();
  await page.locator(".u-over").waitFor();
  await page
    .getByText(/[1-9]\d* fps/)
    .first()
    .waitFor();
  const session = await page.context().newCDPSession(page);
  const pid = await pageProcess(browser);
  // In processor time, so that other processes of this machine do not affect the page's shares.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  await sleep(WARM_UP_MS);
  if (values.trace !== undefined) await browser.startTracing(page);
  say(`pictures of ${(devices.pictureBytes / 1000).toFixed(0)} kB, ${listed} streams listed beside them`);
  const problems = tell(await look(page, session, pid, Number(values.seconds)));
  if (values.trace !== undefined) writeFileSync(values.trace, await browser.stopTracing());
  for (const problem of problems) say(`PROBLEM ${problem}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
  await browser.close();
  await devices.stop();
  await gateway.stop();
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = 2;
} finally {
  children.killAll();
}
