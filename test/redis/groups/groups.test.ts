/** Consumer groups on a real Redis: delivery, permits, redelivery, dead letters, and sharing with native consumers. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FIRST_ID } from "../../../src/domain/streams/entry-id.ts";
import { until } from "../../support/until.ts";
import { openGroups, type TestGroups } from "./group-harness.ts";
import { type GroupRedis, startSingle, startThree } from "./group-redis.ts";

let redis: GroupRedis;
let gateway: TestGroups;
const redisDoes = (...command: (string | number)[]) => redis.call(...command);
const add = (key: string, ...texts: string[]) =>
  Promise.all(texts.map(async (text) => String(await redisDoes("XADD", key, "*", "d", text))));
const pendingOf = async (key: string) => Number(((await redisDoes("XPENDING", key, "g")) as unknown[])[0]);
const consumersOf = async (key: string) =>
  ((await redisDoes("XINFO", "CONSUMERS", key, "g")) as unknown[][]).map((one) => String(one[1]));
const textsOf = async (key: string) =>
  ((await redisDoes("XRANGE", key, "-", "+")) as [Buffer, Buffer[]][]).map(([, fields]) =>
    fields.map(String),
  );

describe.each([
  ["one server", startSingle],
  ["a cluster", startThree],
])("%s", (_name, start) => {
  beforeAll(async () => {
    redis = await start();
  }, 60_000);
  afterAll(() => redis[Symbol.asyncDispose]());
  beforeEach(() => {
    gateway = openGroups(redis.url);
  });
  afterEach(async () => {
    gateway[Symbol.dispose]();
    await redis.flush();
  });

  describe("delivery", () => {
    test("delivers entries that exist and entries that follow, each to one consumer", async () => {
      await add("s", "a", "b");
      const one = await gateway.work("s", { permits: 1 });
      const two = await gateway.work("s", { permits: 10 });
      await until("both have one", () => one.jobs.length + two.jobs.length === 2);
      await add("s", "c", "d");
      await until("all are delivered", () => one.jobs.length + two.jobs.length === 4);
      expect([...one.jobs, ...two.jobs].map(({ text }) => text).sort()).toEqual(["a", "b", "c", "d"]);
      expect(one.jobs.length).toBe(1);
      expect(gateway.counters).toMatchObject({ workDelivered: 4, workRedelivered: 0 });
    });

    test.each(["onEntries", "canSend"] as const)(
      "an exception of a worker in %s ends it, and others receive its entries",
      async (name) => {
        const errors: string[] = [];
        await gateway.work("s", {
          [name]: () => {
            throw new Error("a fault of the worker");
          },
          onError(error) {
            errors.push(error.code);
            throw new Error("another fault of the worker");
          },
        });
        const healthy = await gateway.work("s", { permits: 100 });
        const texts = Array.from({ length: 20 }, (_, i) => String(i));
        for (const text of texts) await add("s", text);
        await until("all are delivered", () => healthy.jobs.length >= texts.length);
        expect(healthy.jobs.map(({ text }) => text).sort()).toEqual(texts.sort());
        expect(errors).toEqual(["INTERNAL"]);
        expect(healthy.errors).toEqual([]);
        expect(gateway.counters.internalErrors).toBe(2);
        expect(gateway.counters.redisReconnects).toBe(0);
      },
    );

    test("an exception of a worker whose acknowledgement is answered ends it alone", async () => {
      const faulty = await gateway.work("s", { permits: 1 });
      const healthy = await gateway.work("s", { permits: 1 });
      await add("s", "a", "b");
      const [one, two] = [await faulty.job(0), await healthy.job(0)];
      // Both acknowledgements have the same reply, and that of the faulty worker is handled first.
      faulty.consumer.ackThen([one], () => {
        throw new Error("a fault of the worker");
      });
      expect(await healthy.consumer.ack([two])).toEqual({ settled: 1, late: [] });
      expect([faulty.errors, healthy.errors]).toEqual([["INTERNAL"], []]);
      expect(gateway.counters).toMatchObject({ internalErrors: 1, redisReconnects: 0 });
    });

    test("begins after the given position only when it creates the group", async () => {
      await add("s", "old");
      const one = await gateway.work("s", { from: "$" });
      await add("s", "new");
      expect(await one.job(0)).toMatchObject({ text: "new", n: 1 });
      await one.consumer.close();
      const two = await gateway.work("s", { from: FIRST_ID });
      expect((await two.job(0)).text).toBe("new");
    });

    test("holds at most as many entries as it has permits", async () => {
      await add("s", ..."abcdef");
      const { consumer, jobs, job } = await gateway.work("s", { permits: 2 });
      await job(1);
      expect(await pendingOf("s")).toBe(2);
      await consumer.ack([jobs[0] ?? (await job(0))]);
      await job(2);
      expect(jobs.map(({ text }) => text)).toEqual(["a", "b", "c"]);
      expect(await pendingOf("s")).toBe(2);
    });

    test("delivers what was granted with permits 0, whether it is acknowledged or not", async () => {
      await add("s", ..."abcd");
      const { consumer, jobs, job } = await gateway.work("s", { permits: 0 });
      consumer.grant(1);
      await consumer.ack([await job(0)]);
      consumer.grant(2);
      await job(2);
      expect(await pendingOf("s")).toBe(2);
      expect(jobs.map(({ text }) => text)).toEqual(["a", "b", "c"]);
    });

    test("reads nothing ahead of a client that cannot be sent more", async () => {
      await add("s", "a");
      let canSend = false;
      const { consumer, job } = await gateway.work("s", { canSend: () => canSend });
      const other = await gateway.work("t");
      await add("t", "x");
      await other.job(0);
      expect(await pendingOf("s")).toBe(0);
      canSend = true;
      consumer.resume();
      expect((await job(0)).text).toBe("a");
    });

    test("reads a stream only for permits that the streams before it leave", async () => {
      await add("a", "a1", "a2");
      await add("b", "b1", "b2");
      const { consumer, jobs, job } = await gateway.work(["a", "b"], { permits: 3 });
      await job(2);
      expect(jobs.map(({ text }) => text)).toEqual(["a1", "a2", "b1"]);
      await add("a", "a3");
      await consumer.ack([await job(0)]);
      expect((await job(3)).text).toBe("a3");
      await consumer.ack([await job(1)]);
      expect((await job(4)).text).toBe("b2");
    });

    test("shares the work with a native consumer of the group", async () => {
      await add("s", "a");
      const { job, jobs } = await gateway.work("s", { permits: 1 });
      await job(0);
      await add("s", "b");
      const reply = await redisDoes("XREADGROUP", "GROUP", "g", "native", "STREAMS", "s", ">");
      expect(String(JSON.stringify(reply))).toContain('"type":"Buffer"');
      expect(jobs).toHaveLength(1);
      expect(await pendingOf("s")).toBe(2);
    });

    test("sends no command for idle groups", async () => {
      const idle = await gateway.work("s", { ackWaitMs: 200 });
      await add("s", "a");
      await idle.consumer.ack([await idle.job(0)]);
      await until("half a second passes without a command of the gateway", async () => {
        // Two requests for the number, between which nothing else happens.
        const [first, second] = [await redis.processed(), await redis.processed()];
        await new Promise((resolve) => setTimeout(resolve, 500));
        return (await redis.processed()) - second <= second - first;
      });
      await add("s", "b");
      expect((await idle.job(1)).text).toBe("b");
    });
  });

  describe("settling", () => {
    test("acknowledges only what still belongs to the consumer", async () => {
      const [id = ""] = await add("s", "a");
      const { consumer, job } = await gateway.work("s");
      const first = await job(0);
      await redisDoes("XCLAIM", "s", "g", "native", 0, id);
      expect(await consumer.ack([first])).toEqual({ settled: 0, late: [{ key: "s", id }] });
      expect(await pendingOf("s")).toBe(1);
      expect(await consumer.ack([first])).toMatchObject({ settled: 0 });
    });

    test("acknowledges the rest when one of several entries belongs to another, or was delivered again", async () => {
      const ids = await add("s", "a", "b", "c", "d", "e");
      const { consumer, job } = await gateway.work("s");
      const jobs = await Promise.all(ids.map((_, i) => job(i)));
      await redisDoes("XCLAIM", "s", "g", "native", 0, ids[1] ?? "");
      // The same consumer may hold it over another connection.
      await redisDoes("XCLAIM", "s", "g", consumer.name, 0, ids[3] ?? "");
      const { settled, late } = await consumer.ack(jobs);
      expect([settled, late.map(({ id }) => id)]).toEqual([3, [ids[1], ids[3]]]);
      expect(await pendingOf("s")).toBe(2);
    });

    test("does not acknowledge an entry that another program has delivered to the same consumer again", async () => {
      const [id = ""] = await add("s", "a");
      const { consumer, job } = await gateway.work("s");
      const first = await job(0);
      await redisDoes("XCLAIM", "s", "g", consumer.name, 0, id);
      expect((await consumer.ack([first])).late).toHaveLength(1);
      expect(await pendingOf("s")).toBe(1);
    });

    test("does not take an entry that remains for one of another consumer", async () => {
      const [id = ""] = await add("s", "a", "b", "c");
      const { consumer, job } = await gateway.work("s");
      const [a, , c] = [await job(0), await job(1), await job(2)];
      await redisDoes("XCLAIM", "s", "g", "native", 0, id);
      // The consumer holds two entries from the first to the last one, as many as it acknowledges.
      expect(await consumer.ack([a, c])).toEqual({ settled: 1, late: [{ key: "s", id }] });
      expect(await pendingOf("s")).toBe(2);
    });

    test("acknowledges entries with several delivery counts, in any order, among others that remain", async () => {
      await add("s", "a", "b", "c", "d");
      const { consumer, job } = await gateway.work("s");
      const [a, b, , d] = [await job(0), await job(1), await job(2), await job(3)];
      await consumer.nack([b], 0);
      const again = await job(4);
      expect(again).toMatchObject({ text: "b", n: 2 });
      expect(await consumer.ack([d, again, a])).toEqual({ settled: 3, late: [] });
      expect(await pendingOf("s")).toBe(1);
    });

    test("deletes acknowledged entries on request", async () => {
      await add("s", "a", "b");
      const { consumer, job } = await gateway.work("s", { deletesAcked: true });
      await job(1);
      expect(await consumer.ack([await job(0)])).toEqual({ settled: 1, late: [] });
      expect((await textsOf("s")).map(([, text]) => text)).toEqual(["b"]);
    });

    test("delivers a refused entry again, after its delay, and counts the delivery", async () => {
      await add("s", "a");
      const { consumer, job } = await gateway.work("s");
      await consumer.nack([await job(0)], 0);
      expect(await job(1)).toMatchObject({ text: "a", n: 2 });
      await consumer.nack([await job(1)], 30);
      expect(await job(2)).toMatchObject({ text: "a", n: 3 });
      expect(gateway.counters.workRedelivered).toBe(2);
    });

    test("delivers an entry again that was held for too long, to a consumer of another gateway", async () => {
      await add("s", "a");
      using other = openGroups(redis.url);
      const { consumer, job } = await gateway.work("s");
      const first = await job(0);
      const second = await other.work("s", { ackWaitMs: 100 });
      expect(await second.job(0)).toMatchObject({ text: "a", n: 2 });
      expect((await consumer.ack([first])).late).toHaveLength(1);
    });

    test("keeps an entry that reports progress", async () => {
      await add("s", "a");
      const { consumer, jobs, job } = await gateway.work("s", { ackWaitMs: 2000 });
      const first = await job(0);
      const other = await gateway.work("s", { ackWaitMs: 2000 });
      const endAt = performance.now() + 3000;
      while (performance.now() < endAt) {
        expect(await consumer.progress([first])).toEqual({ settled: 1, late: [] });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect([jobs.length, other.jobs.length]).toEqual([1, 0]);
      expect(await consumer.ack([first])).toMatchObject({ settled: 1 });
    });

    test("gives back what a consumer held, uncounted and at once, and removes it", async () => {
      await add("s", "a");
      const first = await gateway.work("s");
      await first.job(0);
      await first.consumer.close();
      const second = await gateway.work("s");
      expect(await second.job(0)).toMatchObject({ text: "a", n: 1 });
      expect(await consumersOf("s")).toEqual([second.consumer.name, "released"]);
    });

    test("removes the consumers of a killed gateway once they hold nothing", async () => {
      await redisDoes("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM");
      await add("s", "a");
      await redisDoes("XREADGROUP", "GROUP", "g", "auto:killed", "STREAMS", "s", ">");
      const { consumer, job } = await gateway.work("s", { ackWaitMs: 100 });
      expect(await job(0)).toMatchObject({ n: 2 });
      expect(await consumersOf("s")).toEqual([consumer.name]);
    });

    test("reports entries that were trimmed before they were done", async () => {
      const [id = ""] = await add("s", "a");
      const { consumer, lost, job } = await gateway.work("s", { ackWaitMs: 200 });
      await job(0);
      await redisDoes("XDEL", "s", id);
      await until("the loss is reported", () => lost.length > 0);
      expect(lost).toEqual([id]);
      expect(await pendingOf("s")).toBe(0);
      expect((await consumer.ack([await job(0)])).late).toHaveLength(1);
    });
  });

  describe("dead letters", () => {
    test("moves an entry that was delivered too often", async () => {
      await redisDoes("XADD", "s", "5-0", "d", "a", "kind", "x");
      const { consumer, job } = await gateway.work("s", { maxDeliver: 2 });
      await consumer.nack([await job(0)], 0);
      await consumer.nack([await job(1)], 0);
      await until("the entry is dead", async () => (await textsOf("s:dead:g")).length > 0);
      expect(await textsOf("s:dead:g")).toEqual([
        ["stream", "s", "id", "5-0", "n", "2", "reason", "max_deliver", "d", "a", "kind", "x"],
      ]);
      // In a cluster, the entry is acknowledged after it was moved to the dead letters.
      await until("it is not pending", async () => (await pendingOf("s")) === 0);
      await until("it is counted", () => gateway.counters.workDead === 1);
    });

    test("moves an entry that the consumer gives up, with its reason", async () => {
      await redisDoes("XADD", "s", "5-0", "d", "a");
      const { consumer, job } = await gateway.work("s");
      expect(await consumer.term([await job(0)], "not a picture")).toEqual({ settled: 1, late: [] });
      expect(await textsOf("s:dead:g")).toEqual([
        ["stream", "s", "id", "5-0", "n", "1", "reason", "not a picture", "d", "a"],
      ]);
      expect(await pendingOf("s")).toBe(0);
    });

    test("keeps an entry whose dead-letter stream cannot take it, and delivers the others", async () => {
      await redisDoes("SET", "s:dead:g", "text");
      await add("s", "a", "b");
      const { consumer, job } = await gateway.work("s", { maxDeliver: 1 });
      await job(1);
      await expect(consumer.term([await job(0)], "x")).rejects.toMatchObject({ code: "REDIS_REFUSED" });
      await consumer.ack([await job(1)]);
      expect(await pendingOf("s")).toBe(1);
    });
  });

  describe("interruptions", () => {
    test("continues after lost connections", async () => {
      const { consumer, job } = await gateway.work("s", { ackWaitMs: 300 });
      for (let i = 0; i < 3; i++) {
        await redis.disconnect();
        await add("s", String(i));
        const next = await job(i);
        expect(next.text).toBe(String(i));
        await consumer.ack([next]);
      }
    });

    test("creates the group again when the stream was deleted", async () => {
      await redisDoes("XADD", "s", "6-0", "d", "a");
      const { consumer, job } = await gateway.work("s", { from: "$" });
      await redisDoes("XADD", "s", "7-0", "d", "b");
      await consumer.ack([await job(0)]);
      await redisDoes("DEL", "s");
      await add("s", "c");
      expect((await job(1)).text).toBe("c");
      await redisDoes("DEL", "s");
      await redisDoes("XADD", "s", "5-0", "d", "d");
      expect((await job(2)).text).toBe("d");
    });

    test("delivers all entries of a new stream that uses the last delivered id again, or begins before it", async () => {
      for (const id of ["7-0", "7-1"]) await redisDoes("XADD", "s", id, "d", `old ${id}`);
      const { consumer, job } = await gateway.work("s");
      await consumer.ack([await job(0), await job(1)]);
      const remake = `redis.call('DEL', KEYS[1])
        for _, id in ipairs(ARGV) do redis.call('XADD', KEYS[1], id, 'd', 'new ' .. id) end`;
      await redisDoes("EVAL", remake, 1, "s", "7-0", "7-1");
      const texts = async (from: number, count: number) => {
        const jobs = await Promise.all(Array.from({ length: count }, (_, i) => job(from + i)));
        await consumer.ack(jobs);
        return jobs.map(({ text }) => text);
      };
      expect(await texts(2, 2)).toEqual(["new 7-0", "new 7-1"]);
      // Renamed to its key: with entries before and after the last delivered one.
      await redisDoes("EVAL", remake, 1, "s", "6-0", "8-0");
      expect(await texts(4, 2)).toEqual(["new 6-0", "new 8-0"]);
    });

    test("continues after the last delivered entry, which was deleted, when the group was destroyed", async () => {
      for (const id of ["1-0", "2-0"]) await redisDoes("XADD", "s", id, "d", id);
      const { consumer, job } = await gateway.work("s");
      await consumer.ack([await job(0), await job(1)]);
      await redisDoes("XDEL", "s", "2-0");
      await redisDoes("XGROUP", "DESTROY", "s", "g");
      await redisDoes("XADD", "s", "3-0", "d", "3-0");
      expect((await job(2)).text).toBe("3-0");
    });

    test("continues after the last delivered entry when the group was destroyed", async () => {
      await add("s", "a");
      const { consumer, job } = await gateway.work("s");
      await consumer.ack([await job(0)]);
      await redisDoes("XGROUP", "DESTROY", "s", "g");
      await add("s", "b");
      expect((await job(1)).text).toBe("b");
    });

    test("ends the consumer of a key that is not a stream", async () => {
      await redisDoes("SET", "text", "x");
      await expect(gateway.work("text")).rejects.toMatchObject({ code: "WRONG_TYPE" });
    });
  });

  describe("groups", () => {
    test("are listed with what is pending, and removed", async () => {
      const [id = ""] = await add("s", "a", "b");
      const { consumer, job } = await gateway.work("s", { permits: 1 });
      await job(0);
      expect(await gateway.groups.registry.list("s")).toEqual([
        { name: "g", consumers: 1, pending: 1, lastDelivered: id, lag: 1 },
      ]);
      expect(await gateway.groups.registry.pending("s", "g", 10)).toMatchObject([
        { id, consumer: consumer.name, n: 1 },
      ]);
      await consumer.close();
      expect(await gateway.groups.registry.destroy("s", "g")).toBe(true);
      expect(await gateway.groups.registry.destroy("s", "g")).toBe(false);
    });
  });
});
