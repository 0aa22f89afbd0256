/** Cost of reading a stream's history, against its length. */

import { openReader } from "../load/clients/websocket-reader.ts";
import { drained } from "../load/drain.ts";
import type { Redis } from "../load/processes/redis.ts";
import { costOf, type Measured, memoryOf } from "./cost.ts";
import type { Dimension } from "./dimension.ts";

/** Stream with a history. */
export const HISTORY = "history";
export const HISTORY_LENGTHS: readonly number[] = [100, 1000, 10_000, 100_000];

const PAGE = 10;
/** Number of different cursors. With more requests than that, the lengths of the pages differ. */
const PAGE_STARTS = 40;
const PAGE_READS = 320;
/** Entries that the passes over the whole history read together, within the limits of their number. */
const ENTRIES_READ = 50_000;
const PASSES = { min: 3, max: 100 };

/** Appends entries of 100 B with the ids 1-0, 2-0, …, each with its number as the benchmark's readers check it. */
const FILL = `
  for i = 1, tonumber(ARGV[1]) do
    redis.call('XADD', KEYS[1], i .. '-0', 'd', struct.pack('<I4', i - 1) .. string.rep('x', 96))
  end`;

/** Fills the stream `HISTORY`. @param length number of entries */
export async function fillHistory(redis: Redis, length: number): Promise<void> {
  await redis.command("EVAL", FILL, "1", `default:${HISTORY}`, String(length));
}

/** A page in the middle. No two requests are equal, so that no response is cached. */
export const pageDimension: Dimension = {
  name: "history-page",
  what: "GET of 10 entries in the middle of 100 … 100,000",
  values: HISTORY_LENGTHS,
  async measure(measured, length) {
    const { gateway, redis } = measured;
    await fillHistory(redis, length);
    const before = await memoryOf(gateway);
    const cost = await costOf(measured, async () => {
      for (let i = 0; i < PAGE_READS; i++) {
        const after = length / 2 - (i % PAGE_STARTS);
        await readPage(gateway.port, after, PAGE + Math.floor(i / PAGE_STARTS));
      }
      return PAGE_READS;
    });
    return { ...cost, memoryBytes: (await memoryOf(gateway)) - before };
  },
};

async function readPage(port: number, after: number, count: number): Promise<void> {
  const query = `last_entry_id=${after}-0&count=${count}&format=json`;
  const response = await fetch(`http://127.0.0.1:${port}/data/${HISTORY}?${query}`);
  const entries = ((await response.json()) as unknown[]).length;
  if (entries !== count) throw new Error(`expected ${count} entries, got ${entries}`);
}

/** All of it. Each pass reads a copy of its own, so that no page is cached. */
export const wholeHistoryDimension: Dimension = {
  name: "history-whole",
  what: "a reader from 0 receives all 100 … 100,000 entries",
  values: HISTORY_LENGTHS,
  async measure(measured, length) {
    const { gateway, redis } = measured;
    await fillHistory(redis, length);
    const passes = Math.min(PASSES.max, Math.max(PASSES.min, Math.ceil(ENTRIES_READ / length)));
    for (let i = 0; i < passes; i++)
      await redis.command("COPY", `default:${HISTORY}`, `default:${HISTORY}-${i}`);
    const before = await memoryOf(gateway);
    const cost = await costOf(measured, async () => {
      for (let i = 0; i < passes; i++) await readAll(measured, `${HISTORY}-${i}`, length);
      return passes;
    });
    return { ...cost, memoryBytes: (await memoryOf(gateway)) - before };
  },
};

async function readAll({ gateway }: Measured, stream: string, length: number): Promise<void> {
  const reader = await openReader({
    port: gateway.port,
    path: `/data/${stream}/pull?header=0&last_entry_id=0`,
  });
  await drained(
    () => {
      reader.check();
      return reader.entries === length;
    },
    () => `${reader.entries} of ${length} entries are delivered`,
  );
  reader.close();
}
