/** The command `work`: a program per entry, whose exit code decides. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProgram } from "../../cli/program.ts";
import { startTestGateway, type TestGateway } from "../support/gateway/gateway.ts";
import { testIo } from "../support/programs/command-line.ts";
import { startRedis, type TestRedis } from "../support/redis/redis.ts";
import { until } from "../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
let dir: string;
beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  dir = await mkdtemp(join(tmpdir(), "streamer-work-"));
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

test("passes the payload on standard input, and acknowledges exit code 0 only", async () => {
  for (const [id, text] of [
    ["5-1", "good"],
    ["5-2", "bad"],
  ] as const)
    await redis.control.call("XADD", "default:jobs", id, "d", text);
  const notes: string[] = [];
  const stop = new AbortController();
  const out = join(dir, "out");
  const script = `text=$(cat); echo "$STREAM_ID $ENTRY_ID $DELIVERIES $text" >> ${out}; test "$text" = good`;
  const flags = ["--url", gateway.http, "--from", "0", "--max-deliver", "2"];
  const running = createProgram(testIo({ note: (text) => void notes.push(text) }, stop.signal)).parseAsync(
    ["work", "jobs", "g", ...flags, "--", "sh", "-c", script],
    { from: "user" },
  );
  await until("the bad one is dead", async () => {
    return (await redis.control.call("XLEN", "default:jobs:dead:g")) === 1;
  });
  stop.abort();
  await running;
  expect((await readFile(out, "utf8")).trim().split("\n")).toEqual([
    "jobs 5-1 1 good",
    "jobs 5-2 1 bad",
    "jobs 5-2 2 bad",
  ]);
  const [pending] = (await redis.control.call("XPENDING", "default:jobs", "g")) as [number];
  expect(pending).toBe(0);
  expect(notes.filter((note) => note.includes("5-2: sh exited with 1"))).toHaveLength(2);
});

test("ends when the program cannot be started, and leaves the entries to other workers", async () => {
  for (const id of ["5-1", "5-2"]) await redis.control.call("XADD", "default:typo", id, "d", "x");
  const running = createProgram(testIo({})).parseAsync(
    [
      "work",
      "typo",
      "g",
      "--url",
      gateway.http,
      "--from",
      "0",
      "--max-deliver",
      "2",
      "--",
      "no-such-program",
    ],
    { from: "user" },
  );
  await expect(running).rejects.toThrow("no-such-program cannot be started: spawn no-such-program ENOENT");
  expect(await redis.control.call("XLEN", "default:typo:dead:g")).toBe(0);
  const [pending] = (await redis.control.call("XPENDING", "default:typo", "g")) as [number];
  expect(pending).toBe(2);
});
