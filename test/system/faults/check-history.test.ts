/**
 * The history checker as a user runs it, briefly: with one of the hardest seeds, and on a cluster. Its verdict on a recorded run
 * fails if a loss, a repeat or a reordering is planted in it.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { History, NamedEntry } from "../../../bench/check/verdict/history.ts";
import { judge } from "../../../bench/check/verdict/verdict.ts";

const MAIN = fileURLToPath(new URL("../../../dist/bench/check/main.js", import.meta.url));
const run = promisify(execFile);

/** Limit for one run, ms, far above the time of a busy machine. */
const LIMIT_MS = 300_000;
vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "check-history-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a seed. @returns the recording @throws Error with the problems, if any */
async function check(seed: number, minutes: number, ...flags: readonly string[]): Promise<History> {
  const out = join(folder, `${seed}.json`);
  const args = [MAIN, ...flags, "--seed", String(seed), "--minutes", String(minutes), "--out", out];
  const { stdout } = await run(process.execPath, args, { timeout: LIMIT_MS }).catch((error) => {
    throw new Error(`${error.stdout}${error.stderr}`);
  });
  expect(stdout).toContain(`seed ${seed}: `);
  expect(stdout).toMatch(/ 0 problems$/m);
  return JSON.parse(readFileSync(out, "utf8"));
}

describe("a run", () => {
  let history: History;
  beforeAll(async () => {
    // All seven kinds of faults within nine seconds, and it tails by blocking reads.
    history = await check(1966, 0.15);
  });

  /** Returns the history with a change to the longest connection of a reader that receives every entry. */
  function planted(change: (entries: readonly NamedEntry[]) => NamedEntry[]): string[] {
    const copy = structuredClone(history);
    const { sessions } = copy.readers.find(({ name }) => name.startsWith("json")) ?? { sessions: [] };
    const longest = sessions.reduce((a, b) => (b.entries.length > a.entries.length ? b : a));
    expect(longest.entries.length).toBeGreaterThan(100);
    longest.entries.splice(0, Number.POSITIVE_INFINITY, ...change(longest.entries));
    return judge(copy);
  }

  test("passes without faults, and contained enough injected faults and entries", () => {
    expect(judge(history)).toEqual([]);
    expect(history.pushes.filter(({ outcome }) => outcome && "id" in outcome).length).toBeGreaterThan(500);
    expect(history.readers.filter(({ sessions }) => sessions.length > 1).length).toBeGreaterThan(5);
  });

  test("contained clients that use the Python package", () => {
    const pushed = history.pushes.filter(({ connection }) => connection.startsWith("python"));
    expect(pushed.filter(({ outcome }) => outcome && "id" in outcome).length).toBeGreaterThan(20);
    const readers = history.readers.filter(({ name }) => name.startsWith("Python"));
    for (const number of [0, 1, 2, 3])
      expect(
        readers
          .filter(({ name }) => name.startsWith(`Python reader ${number} `))
          .flatMap(({ sessions }) => sessions.flatMap(({ entries }) => entries)).length,
      ).toBeGreaterThan(0);
    expect(history.gapReaders?.length).toBeGreaterThan(3);
    const workers = history.work?.workers.filter(({ name }) => name.startsWith("Python")) ?? [];
    expect(workers.map(({ sent }) => sent.length > 10)).toEqual([true, true]);
  });

  test("fails with a planted loss", () => {
    expect(planted((entries) => entries.toSpliced(50, 1))).toHaveLength(1);
    const [lost] = history.pushes.filter(({ outcome }) => outcome && "id" in outcome).slice(100);
    const streams = history.streams.map(({ stream, committed, left }) => ({
      stream,
      committed: committed.filter(({ key }) => key !== lost?.key),
      left: left.filter((id) => id !== (lost?.outcome && "id" in lost.outcome ? lost.outcome.id : "")),
    }));
    expect(judge({ ...history, streams }).some((problem) => problem.endsWith("is lost"))).toBe(true);
  });

  test("fails with a planted repeat", () => {
    expect(planted((entries) => entries.toSpliced(50, 0, ...entries.slice(49, 50)))).toHaveLength(1);
  });

  test("fails with a planted reordering", () => {
    const wrong = planted((entries) => entries.toSpliced(50, 2, ...entries.slice(50, 52).reverse()));
    expect(wrong.length).toBeGreaterThan(0);
  });
});

test.concurrent("passes on a cluster whose slots move and whose masters are killed", async () => {
  const history = await check(3, 0.1, "--cluster");
  expect(history.pushes.filter(({ outcome }) => outcome && "id" in outcome).length).toBeGreaterThan(500);
  expect(history.takeovers).toBeGreaterThan(0);
  expect(history.work?.workers.filter(({ sent }) => sent.length > 10).length).toBeGreaterThan(4);
});
