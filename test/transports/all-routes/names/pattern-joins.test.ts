/**
 * Joining has no gap: while streams appear, are deleted, renamed and created again at random moments, by two gateways and a
 * native client, every reader of a pattern receives each entry that exists afterwards, once and in order within each period
 * in which a stream is joined. Entries may only be missing where a gap is reported.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareIds, type EntryId, parseId } from "../../../../src/domain/streams/entry-id.ts";
import { ask } from "../../../support/clients/graphql.ts";
import { request } from "../../../support/clients/http.ts";
import { connectSocket, type TestSocket } from "../../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startCluster } from "../../../support/redis/cluster.ts";
import { startRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

type Do = (...command: (string | number)[]) => Promise<unknown>;

/** In a cluster, a stream can be renamed only within its slot. */
const STREAMS = ["p-{1}a", "p-{1}b", "p-{2}a", "p-{2}b"] as const;
const stream = fc.nat(STREAMS.length - 1);

const step = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      stream,
      by: fc.constantFrom("native" as const, 0 as const, 1 as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("delete" as const), stream, isOwn: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rename" as const), stream }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("subscribe" as const),
      gateway: fc.constantFrom(0, 1),
      from: fc.constantFrom("0", "$"),
      isAcked: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(0, 1, 5, 20) }) },
);

/** A period in which a stream is joined. */
interface Period {
  readonly after: EntryId;
  readonly ids: EntryId[];
  readonly gaps: { readonly after: EntryId; readonly before: EntryId }[];
}

const idOf = (text: unknown): EntryId => parseId(String(text)) ?? ("0-0" as EntryId);

/** A client that follows the pattern. */
class PatternReader {
  /** The current period of each stream that is joined. */
  readonly periods = new Map<string, Period>();
  readonly problems: string[] = [];
  readonly #socket: TestSocket;

  constructor(socket: TestSocket, isAcked: boolean) {
    this.#socket = socket;
    socket.raw.on("message", (data: Buffer) => {
      this.#take(JSON.parse(data.toString()));
      if (isAcked && data[0] === 0x5b) socket.send("");
    });
  }

  static async open({ ws }: TestGateway, device: string, from: string, isAcked: boolean) {
    const query = `device_id=${device}&format=json&joins=1&gaps=1&block=0&count=5&last_entry_id=${from}`;
    const socket = await connectSocket(`${ws}/data/p-*/pull?${query}${isAcked ? "&ack=1" : ""}`);
    return new PatternReader(socket, isAcked);
  }

  /** Entries of a stream that exist and were neither received nor are in a gap. */
  missing(name: string, existing: readonly EntryId[]): readonly EntryId[] {
    const period = this.periods.get(name);
    if (period === undefined) return existing;
    const received = new Set(period.ids);
    return existing.filter(
      (id) =>
        compareIds(id, period.after) > 0 &&
        !received.has(id) &&
        !period.gaps.some(({ after, before }) => compareIds(id, after) > 0 && compareIds(id, before) < 0),
    );
  }

  async close(): Promise<void> {
    await this.#socket[Symbol.asyncDispose]();
  }

  #begin(name: string, after: unknown): void {
    if (this.periods.has(name)) this.problems.push(`${name} joined twice`);
    this.periods.set(name, { after: idOf(after), ids: [], gaps: [] });
  }

  #take(message: unknown): void {
    if (Array.isArray(message)) {
      for (const [name, id] of message as [string, string][]) this.#takeEntry(name, idOf(id));
      return;
    }
    const { streams, joined, left, gap } = message as {
      streams?: [string, string][];
      joined?: { stream_id: string };
      left?: { stream_id: string };
      gap?: { stream_id: string; after: string; before: string };
    };
    for (const [name, cursor] of streams ?? []) this.#begin(name, cursor);
    if (joined !== undefined) this.#begin(joined.stream_id, "0-0");
    if (left !== undefined && !this.periods.delete(left.stream_id))
      this.problems.push(`${left.stream_id} left without having joined`);
    if (gap !== undefined)
      this.periods.get(gap.stream_id)?.gaps.push({ after: idOf(gap.after), before: idOf(gap.before) });
  }

  #takeEntry(name: string, id: EntryId): void {
    const period = this.periods.get(name);
    if (period === undefined) {
      this.problems.push(`${id} of ${name}, which has not joined`);
      return;
    }
    const last = period.ids.at(-1) ?? period.after;
    if (compareIds(id, last) <= 0) this.problems.push(`${id} of ${name} after ${last}`);
    period.ids.push(id);
  }
}

interface World {
  readonly do: Do;
  /** `RENAME` also replaces streams. Only keyspace events distinguish that from an append. */
  readonly rename: "RENAME" | "RENAMENX";
  readonly gateways: readonly [TestGateway, TestGateway];
}

let runs = 0;

async function check({ do: run, rename, gateways }: World, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const device = `device-${process.pid}-${runs++}`;
      const keyOf = (name: string) => `${device}:${name}`;
      const pending: Promise<unknown>[] = [];
      const opening: Promise<PatternReader>[] = [];
      let payload = 0;
      const post = ({ http }: TestGateway, name: string) =>
        request(`${http}/data/${encodeURIComponent(name)}?device_id=${device}`, {
          method: "POST",
          body: String(payload++),
        });
      const subscribe = (gateway: number, from: string, isAcked: boolean) =>
        opening.push(PatternReader.open(gateways[gateway === 0 ? 0 : 1], device, from, isAcked));
      try {
        for (const one of steps) {
          const name = "stream" in one ? (STREAMS[one.stream] ?? "") : "";
          if (one.do === "append" && one.by === "native")
            pending.push(run("XADD", keyOf(name), "*", "d", String(payload++)));
          else if (one.do === "append") pending.push(post(gateways[one.by === 0 ? 0 : 1], name));
          else if (one.do === "delete" && one.isOwn)
            pending.push(
              ask(
                gateways[0],
                "mutation($s: String!, $d: String!) { deleteStream(streamId: $s, deviceId: $d) }",
                {
                  s: name,
                  d: device,
                },
              ),
            );
          else if (one.do === "delete") pending.push(run("DEL", keyOf(name)));
          else if (one.do === "rename") {
            const to = name.endsWith("a") ? name.replace(/a$/, "b") : name.replace(/b$/, "a");
            pending.push(run(rename, keyOf(name), keyOf(to)).catch(() => undefined));
          } else if (one.do === "subscribe") subscribe(one.gateway, one.from, one.isAcked);
          else if (one.do === "wait") await new Promise((resolve) => setTimeout(resolve, one.ms));
        }
        subscribe(0, "0", false);
        await Promise.all(pending);
        const readers = await Promise.all(opening);
        const existing = new Map<string, readonly EntryId[]>();
        for (const name of STREAMS) {
          const entries = (await run("XRANGE", keyOf(name), "-", "+")) as [Buffer][];
          if (String(await run("TYPE", keyOf(name))) === "stream")
            existing.set(
              name,
              entries.map(([id]) => idOf(id)),
            );
        }
        const wrong = () =>
          readers.flatMap((reader, i) => [
            ...reader.problems.map((problem) => `reader ${i}: ${problem}`),
            ...[...existing].flatMap(([name, ids]) =>
              reader.missing(name, ids).map((id) => `reader ${i}: ${id} of ${name} is missing`),
            ),
            ...[...reader.periods.keys()]
              .filter((name) => !existing.has(name))
              .map((name) => `reader ${i}: ${name} has not left`),
          ]);
        await until(
          () => wrong().join("; "),
          () => wrong().length === 0,
        );
        // Live entries of every stream arrive, too.
        for (const name of existing.keys())
          existing.set(name, [
            ...(existing.get(name) ?? []),
            idOf(await run("XADD", keyOf(name), "*", "d", "end")),
          ]);
        await until(
          () => wrong().join("; "),
          () => wrong().length === 0,
        );
        expect(wrong()).toEqual([]);
      } finally {
        await Promise.allSettled(pending);
        for (const one of await Promise.allSettled(opening)) if ("value" in one) await one.value.close();
        for (const name of STREAMS) await run("DEL", keyOf(name));
      }
    }),
    { numRuns, endOnFailure: true },
  );
}

/** Replaces a stream within one command, which `CLIENT TRACKING` reports as any other change. */
async function checkReplaced({ do: run, gateways: [gateway] }: World): Promise<void> {
  const device = `device-${process.pid}-${runs++}`;
  const [older, name] = STREAMS;
  const [olderKey, key] = [`${device}:${older}`, `${device}:${name}`];
  await run("XADD", olderKey, "*", "d", "older");
  await run("XADD", key, "*", "d", "old");
  const reader = await PatternReader.open(gateway, device, "0", false);
  try {
    await until("the stream is read", () => reader.periods.get(name)?.ids.length === 1);
    await run(
      "EVAL",
      "redis.call('DEL', KEYS[1]) redis.call('RENAMENX', KEYS[2], KEYS[1])",
      2,
      key,
      olderKey,
    );
    const existing = ((await run("XRANGE", key, "-", "+")) as [Buffer][]).map(([id]) => idOf(id));
    await until("its entry is delivered or in a gap", () => reader.missing(name, existing).length === 0);
    existing.push(idOf(await run("XADD", key, "*", "d", "new")));
    await until("its next entry is delivered", () => reader.missing(name, existing).length === 0);
    expect(reader.problems).toEqual([]);
  } finally {
    await reader.close();
    await run("DEL", key);
  }
}

describe.each([
  ["keyspace events", "Kgxen", 40],
  ["tracking", "", 20],
])("on one Redis with %s", (_name, flags, numRuns) => {
  const started: AsyncDisposable[] = [];
  let world: World;
  beforeAll(async () => {
    const redis = await startRedis("--notify-keyspace-events", flags);
    const start = () => startTestGateway(redis.url);
    world = {
      do: (...command) => redis.control.call(...command),
      gateways: [await start(), await start()],
      rename: flags === "" ? "RENAMENX" : "RENAME",
    };
    started.push(redis, ...world.gateways);
  });
  afterAll(async () => {
    for (const one of started.reverse()) await one[Symbol.asyncDispose]();
  });

  test("every reader receives every entry that exists afterwards", () => check(world, numRuns));
  test("a stream that is replaced by an older one is delivered or reported as a gap", () =>
    checkReplaced(world));
});

describe.each([
  ["keyspace events", "Kgxen", 10],
  ["tracking", "", 6],
])("on a cluster with %s", (_name, flags, numRuns) => {
  const started: AsyncDisposable[] = [];
  let world: World;
  beforeAll(async () => {
    const cluster = await startCluster(3);
    for (const { control } of cluster.nodes)
      await control.call("CONFIG", "SET", "notify-keyspace-events", flags);
    const start = () => startTestGateway(cluster.url);
    world = {
      do: (...command) => cluster.do(...command),
      gateways: [await start(), await start()],
      rename: flags === "" ? "RENAMENX" : "RENAME",
    };
    started.push(cluster, ...world.gateways);
  }, 60_000);
  afterAll(async () => {
    for (const one of started.reverse()) await one[Symbol.asyncDispose]();
  });

  test("every reader receives every entry that exists afterwards", () => check(world, numRuns));
  test("a stream that is replaced by an older one is delivered or reported as a gap", () =>
    checkReplaced(world));
});
