/** The queue of the gateways on one data directory: never two owners, and no entries of dead gateways. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Place, takePlace } from "../../../src/redis/managed/server-lock.ts";

const never = () => new AbortController().signal;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "queue-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("has one owner at a time while gateways join and leave", async () => {
  let owners = 0;
  let turns = 0;
  async function gateway(): Promise<void> {
    const place = await takePlace(folder);
    await place.turn(never());
    expect(++owners).toBe(1);
    turns++;
    // Other gateways join and tidy the queue meanwhile.
    await place.turn(never());
    expect(owners).toBe(1);
    owners--;
    await place.leave();
  }
  await Promise.all(Array.from({ length: 30 }, gateway));
  expect(turns).toBe(30);
  expect(readdirSync(folder)).toEqual(["gateways"]);
  expect(readFileSync(join(folder, "gateways"), "utf8").split("\n").length).toBeLessThan(32);
});

it("reports the owner, and passes ownership on in order", async () => {
  const first = await takePlace(folder);
  await first.turn(never());
  const order: string[] = [];
  const waiting: Promise<void>[] = [];
  const take = async (name: string): Promise<Place> => {
    const place = await takePlace(folder);
    expect(await place.ahead()).toBe(process.pid);
    waiting.push(place.turn(never()).then(() => void order.push(name)));
    return place;
  };
  const second = await take("second");
  const third = await take("third");
  expect(await first.ahead()).toBeUndefined();
  expect(await first.leave()).toBe(true);
  await waiting[0];
  expect(order).toEqual(["second"]);
  expect(await second.leave()).toBe(true);
  await waiting[1];
  expect(order).toEqual(["second", "third"]);
  expect(await third.leave()).toBe(false);
});

it("forgets gateways that joined and left after the owner when ownership passes on", async () => {
  const first = await takePlace(folder);
  await first.turn(never());
  const second = await takePlace(folder);
  await second.ahead();
  for (let i = 0; i < 5; i++) {
    const passing = await takePlace(folder);
    await passing.ahead();
    await passing.leave();
  }
  await first.leave();
  await second.turn(never());
  expect(readFileSync(join(folder, "gateways"), "utf8").trim().split("\n")).toHaveLength(1);
  await second.leave();
});

it("reports to at least one of several gateways that leave together that it is the last", async () => {
  for (let round = 0; round < 20; round++) {
    const places = await Promise.all([takePlace(folder), takePlace(folder), takePlace(folder)]);
    for (const place of places) await place.ahead();
    const left = await Promise.all(places.map((place) => place.leave()));
    expect(left).toContain(false);
  }
});

it("can be aborted while waiting", async () => {
  const first = await takePlace(folder);
  await first.turn(never());
  const second = await takePlace(folder);
  const enough = new AbortController();
  const waiting = second.turn(enough.signal);
  enough.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await second.leave();
  await first.leave();
});
