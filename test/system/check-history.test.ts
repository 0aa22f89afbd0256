/**
 * The checker as its user runs it, for a moment: seeds that found something once, or hurt most; and that its verdict on
 * what such a run recorded fails when a loss, a repeat or a reordering is planted in it.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { History, NamedEntry } from "../../bench/check/history.ts";
import { judge } from "../../bench/check/verdict.ts";

const MAIN = fileURLToPath(new URL("../../dist/bench/check/main.js", import.meta.url));
const run = promisify(execFile);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "check-history-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a seed. @returns what was recorded @throws Error with the problems where there are any */
async function check(seed: number, minutes: number, ...flags: readonly string[]): Promise<History> {
  const out = join(folder, `${seed}.json`);
  const args = [MAIN, ...flags, "--seed", String(seed), "--minutes", String(minutes), "--out", out];
  const { stdout } = await run(process.execPath, args).catch((error) => {
    throw new Error(`${error.stdout}${error.stderr}`);
  });
  expect(stdout).toContain(`seed ${seed}: `);
  expect(stdout).toMatch(/ 0 problems$/m);
  return JSON.parse(readFileSync(out, "utf8"));
}

// All seven kinds of faults within nine seconds, twelve or more in all; 1966 tails by blocking reads, 506 trims.
test.concurrent.each([506, 1966])(
  "seed %i, which is among the hardest",
  async (seed) => void (await check(seed, 0.15)),
  120_000,
);

describe("a run", () => {
  let history: History;
  beforeAll(async () => {
    history = await check(9, 0.12);
  });

  /** The history with a change to the longest connection of a reader who gets everything. */
  function planted(change: (entries: readonly NamedEntry[]) => NamedEntry[]): string[] {
    const copy = structuredClone(history);
    const { sessions } = copy.readers.find(({ name }) => name.startsWith("json")) ?? { sessions: [] };
    const longest = sessions.reduce((a, b) => (b.entries.length > a.entries.length ? b : a));
    expect(longest.entries.length).toBeGreaterThan(100);
    longest.entries.splice(0, Number.POSITIVE_INFINITY, ...change(longest.entries));
    return judge(copy);
  }

  test("in which nothing is wrong is judged so, and had faults and entries enough to be wrong about", () => {
    expect(judge(history)).toEqual([]);
    expect(history.pushes.filter(({ outcome }) => outcome && "id" in outcome).length).toBeGreaterThan(500);
    expect(history.readers.filter(({ sessions }) => sessions.length > 1).length).toBeGreaterThan(5);
  });

  test("with a planted loss is caught", () => {
    expect(planted((entries) => entries.toSpliced(50, 1))).toHaveLength(1);
    const [lost] = history.pushes.filter(({ outcome }) => outcome && "id" in outcome).slice(100);
    const streams = history.streams.map(({ stream, committed, left }) => ({
      stream,
      committed: committed.filter(({ key }) => key !== lost?.key),
      left: left.filter((id) => id !== (lost?.outcome && "id" in lost.outcome ? lost.outcome.id : "")),
    }));
    expect(judge({ ...history, streams }).some((problem) => problem.endsWith("is lost"))).toBe(true);
  });

  test("with a planted repeat is caught", () => {
    expect(planted((entries) => entries.toSpliced(50, 0, ...entries.slice(49, 50)))).toHaveLength(1);
  });

  test("with a planted reordering is caught", () => {
    const wrong = planted((entries) => entries.toSpliced(50, 2, ...entries.slice(50, 52).reverse()));
    expect(wrong.length).toBeGreaterThan(0);
  });
});

test.concurrent("a run on a cluster whose slots move and whose masters die", async () => {
  const history = await check(3, 0.1, "--cluster");
  expect(history.pushes.filter(({ outcome }) => outcome && "id" in outcome).length).toBeGreaterThan(500);
  expect(history.takeovers).toBeGreaterThan(0);
});
