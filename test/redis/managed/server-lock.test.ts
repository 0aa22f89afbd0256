/** The queue of the gateways on one data directory: never two owners, and no entries of dead gateways. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { enterQueue, type QueuedGateway } from "../../../src/redis/managed/server-lock.ts";

const never = () => new AbortController().signal;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "queue-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("has one owner at a time while gateways join and leave", async () => {
  let owners = 0;
  let runs = 0;
  async function gateway(): Promise<void> {
    const queued = await enterQueue(folder);
    await queued.acquire(never());
    expect(++owners).toBe(1);
    runs++;
    // Other gateways join and tidy the queue meanwhile.
    await queued.acquire(never());
    expect(owners).toBe(1);
    owners--;
    await queued.leave();
  }
  await Promise.all(Array.from({ length: 30 }, gateway));
  expect(runs).toBe(30);
  expect(readdirSync(folder)).toEqual(["gateways"]);
  expect(readFileSync(join(folder, "gateways"), "utf8").split("\n").length).toBeLessThan(32);
});

it("reports the owner, and passes ownership on in order", async () => {
  const first = await enterQueue(folder);
  await first.acquire(never());
  const order: string[] = [];
  const waiting: Promise<void>[] = [];
  const take = async (name: string): Promise<QueuedGateway> => {
    const queued = await enterQueue(folder);
    expect(await queued.ownerPid()).toBe(process.pid);
    waiting.push(queued.acquire(never()).then(() => void order.push(name)));
    return queued;
  };
  const second = await take("second");
  const third = await take("third");
  expect(await first.ownerPid()).toBeUndefined();
  expect(await first.leave()).toBe(true);
  await waiting[0];
  expect(order).toEqual(["second"]);
  expect(await second.leave()).toBe(true);
  await waiting[1];
  expect(order).toEqual(["second", "third"]);
  expect(await third.leave()).toBe(false);
});

it("forgets gateways that joined and left after the owner when ownership passes on", async () => {
  const first = await enterQueue(folder);
  await first.acquire(never());
  const second = await enterQueue(folder);
  await second.ownerPid();
  for (let i = 0; i < 5; i++) {
    const passing = await enterQueue(folder);
    await passing.ownerPid();
    await passing.leave();
  }
  await first.leave();
  await second.acquire(never());
  expect(readFileSync(join(folder, "gateways"), "utf8").trim().split("\n")).toHaveLength(1);
  await second.leave();
});

it("reports to at least one of several gateways that leave together that it is the last", async () => {
  for (let round = 0; round < 20; round++) {
    const all = await Promise.all([enterQueue(folder), enterQueue(folder), enterQueue(folder)]);
    for (const queued of all) await queued.ownerPid();
    const left = await Promise.all(all.map((queued) => queued.leave()));
    expect(left).toContain(false);
  }
});

it("can be aborted while waiting", async () => {
  const first = await enterQueue(folder);
  await first.acquire(never());
  const second = await enterQueue(folder);
  const enough = new AbortController();
  const waiting = second.acquire(enough.signal);
  enough.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await second.leave();
  await first.leave();
});
