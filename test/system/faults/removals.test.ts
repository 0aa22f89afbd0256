/**
 * Streams are deleted, flushed and overwritten under load. Readers receive the remaining entries once and in order, and
 * the ids between which entries may be missing. New readers see the current content. A key of the wrong type is an
 * error for readers of that stream and has no effect on others.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compareIds, type EntryId } from "../../../src/domain/streams/entry-id.ts";
import { entriesOf } from "../../../src/redis/read/entry-decoder.ts";
import type { Reply } from "../../../src/redis/resp/reader.ts";
import { request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import {
  type Pusher,
  type Reader,
  type SeenEntry,
  startPusher,
  startReader,
  type Way,
} from "../../support/gateway/load.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const WAYS: readonly Way[] = ["json", "header", "acked", "max-fps", "events"];

let redis: TestRedis;
let gateway: GatewayProcess;
beforeEach(async () => {
  redis = await startRedis();
  gateway = await startGatewayProcess({
    env: { REDIS_URL: redis.url, REDIS_STREAM_MAXLEN: "0", MAX_BATCH_ENTRIES: "1000000" },
  });
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

const startReaders = (stream: string, from = "0") =>
  Promise.all(WAYS.map((way) => startReader(gateway.ws, stream, way, from)));

async function progress(pushers: readonly Pusher[], more = 100): Promise<void> {
  const before = pushers.map(({ acknowledged }) => acknowledged.size);
  await until(
    () => `the pushers go on behind ${before}`,
    () => pushers.every(({ acknowledged }, i) => acknowledged.size >= (before[i] ?? 0) + more),
    20_000,
  );
}

/** Waits until readers have the last entry of a stream, and closes them. @returns the stored entries */
async function finish(stream: string, readers: readonly Reader[]): Promise<readonly SeenEntry[]> {
  const answer = await request(`${gateway.http}/data/${stream}/entries?format=json&count=1000000`);
  const stored = (answer.json() as [string, string, string][]).map(([, id, text]) => ({ id, text }));
  const last = stored.at(-1)?.id;
  await until(
    () => `all have ${last}: ${readers.map(({ entries }) => entries.at(-1)?.id)}`,
    () => readers.every(({ entries }) => entries.at(-1)?.id === last),
  );
  await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
  return stored;
}

/** Executes a command that removes all entries of a stream. @returns the removed entries */
async function remove(stream: string, command: readonly string[]): Promise<readonly SeenEntry[]> {
  const [removed] = await new Promise<readonly Reply[]>((resolve, reject) => {
    redis.control.transact([["XRANGE", `default:${stream}`, "-", "+"], command], (error, replies) => {
      if (error === undefined) resolve(replies);
      else reject(error);
    });
  });
  return entriesOf(removed ?? null).map(({ id, data }) => ({ id, text: Buffer.from(data).toString() }));
}

const nameOf = ({ id, text }: SeenEntry) => `${id} ${text}`;
const millisecondsOf = (id: string) => id.split("-")[0];
const isBelow = (a: string, b: string) => compareIds(a as EntryId, b as EntryId) < 0;

/** Returns the received ids around the first entry that is missing. */
function around([first]: readonly SeenEntry[], ids: readonly string[]): { readonly near: readonly string[] } {
  const at = ids.findIndex((id) => first !== undefined && !isBelow(id, first.id));
  return { near: ids.slice(Math.max(0, at - 3), at + 3) };
}

test.each([["DEL", "default:s"], ["FLUSHALL"], ["XTRIM", "default:s", "MAXLEN", "0"]])(
  "%s under readers and pushers, again and again",
  async (...command) => {
    const readers = await startReaders("s");
    const pushers = await Promise.all([
      startPusher(gateway.ws, "s", 20, 1),
      startPusher(gateway.ws, "s", 20, 1),
    ]);
    const removed = new Set<string>();
    for (let round = 0; round < 2; round++) {
      await progress(pushers);
      for (const entry of await remove("s", command)) removed.add(nameOf(entry));
      await progress(pushers);
    }
    await Promise.all(pushers.map((pusher) => pusher.stop()));
    for (const { failed } of pushers) expect(failed.size).toBe(0);
    const stored = await finish("s", readers);
    // A stream that is deleted and recreated may assign an id a second time, within its millisecond.
    const acknowledged = pushers.flatMap((pusher) => pusher.stored);
    const texts = new Map<string, Set<string>>();
    for (const { id, text } of acknowledged) texts.set(id, (texts.get(id) ?? new Set()).add(text));
    expect(stored.filter(({ id, text }) => texts.get(id)?.has(text) !== true)).toEqual([]);
    for (const [i, { entries, gaps }] of readers.entries()) {
      expect(entries.filter(({ id, text }) => texts.get(id)?.has(text) !== true)).toEqual([]);
      const ids = entries.map(({ id }) => id);
      expect(ids.every((id, at) => at === 0 || isBelow(ids[at - 1] ?? "", id))).toBe(true);
      const seen = new Set(entries.map(nameOf));
      const lacking = acknowledged.filter((entry) => !seen.has(nameOf(entry)));
      const left = new Set(stored.map(nameOf));
      const lackingNow = lacking.filter((entry) => left.has(nameOf(entry)));
      // A stored entry may be missing only if its id was used by an earlier entry that the reader has.
      expect(lackingNow.filter(({ id }) => !ids.includes(id))).toEqual([]);
      // The header format cannot report it.
      if (WAYS[i] === "header") continue;
      // A stream that is recreated within a millisecond assigns ids of that millisecond again. The gap ends at the first
      // id of the new life, and entries of the old one may have been above it.
      const isReported = (entry: SeenEntry) =>
        gaps.some(
          ({ after, before }) =>
            isBelow(after, entry.id) &&
            (isBelow(entry.id, before) ||
              (removed.has(nameOf(entry)) && millisecondsOf(entry.id) === millisecondsOf(before))),
        );
      const unreported = lacking.filter((entry) => !isReported(entry));
      expect(unreported, `${WAYS[i]}: ${JSON.stringify({ gaps, ...around(unreported, ids) })}`).toEqual([]);
    }
    const late = await startReaders("s");
    await finish("s", late);
    for (const { entries } of late) expect(entries).toEqual(stored);
    expect(await gateway.metric("internal_errors_total")).toBe(0);
  },
  60_000,
);

describe("a key that is not a stream", () => {
  const WRONG = { code: "WRONG_TYPE", error: "the key of this stream holds a value that is not a stream" };

  test("is reported on every route", async () => {
    await redis.control.call("SET", "default:s", "text");
    for (const [path, method] of [
      ["/data/s", "POST"],
      ["/data/s?last_entry_id=0", "GET"],
      ["/data/s", "GET"],
      ["/data/s/entries", "GET"],
      ["/data/s/events", "GET"],
    ] as const) {
      const answer = await request(`${gateway.http}${path}`, {
        method,
        ...(method === "POST" && { body: "x" }),
      });
      expect([path, answer.status, answer.json()]).toEqual([path, 409, expect.objectContaining(WRONG)]);
    }
    // No request was sent before the test began.
    const events = await request(`${gateway.http}/data/s/events?last_entry_id=0`);
    expect(events.text).toContain(
      `event: error\ndata: ${JSON.stringify({ error: WRONG.error, code: WRONG.code })}`,
    );
    const mutation = `mutation { append(streamId: "s", entries: [{string: "x"}]) { id error code } }`;
    const graphql = await request(`${gateway.http}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: mutation }),
    });
    expect(graphql.json()).toEqual({ data: { append: [{ id: null, ...WRONG }] } });
    await using acked = await connectSocket(`${gateway.ws}/data/s/push?header=0&ack=1`);
    acked.send("x");
    expect(JSON.parse(await acked.text())).toEqual([WRONG]);
    const closed = { code: 1008, reason: `WRONG_TYPE: ${WRONG.error}` };
    await using unacked = await connectSocket(`${gateway.ws}/data/s/push?header=0`);
    unacked.send("x");
    expect(await unacked.closed).toEqual(closed);
    await using pull = await connectSocket(`${gateway.ws}/data/s/pull?last_entry_id=0`);
    expect(await pull.closed).toEqual(closed);
  });

  test("affects only that stream, whose readers resume when it is a stream again", async () => {
    const readers = await Promise.all([startReaders("s"), startReaders("other")]);
    const [own, other] = await Promise.all([
      startPusher(gateway.ws, "s", 20, 1),
      startPusher(gateway.ws, "other", 20, 1),
    ]);
    // In one batch with entries of another stream: those are stored.
    await using both = await connectSocket(`${gateway.ws}/data/third/push?format=json&ack=1`);
    await progress([own, other]);
    await redis.control.call("SET", "default:s", "text");
    await until("the pusher receives errors", () => own.failed.size > 100);
    both.send(
      JSON.stringify([
        ["third", null, "x"],
        ["s", null, "x"],
        ["third", null, "x"],
      ]),
    );
    expect(JSON.parse(await both.text())).toEqual([expect.any(String), WRONG, expect.any(String)]);
    await progress([other]);
    await redis.control.call("DEL", "default:s");
    await progress([own, other]);
    await Promise.all([own.stop(), other.stop()]);
    expect(new Set(own.failed.values())).toEqual(new Set(["WRONG_TYPE"]));
    expect(other.failed.size).toBe(0);
    await finish("s", readers[0]);
    const stored = await finish("other", readers[1]);
    for (const { entries } of readers[1]) expect(entries).toEqual(stored);
    expect(await gateway.metric("internal_errors_total")).toBe(0);
  });
});
