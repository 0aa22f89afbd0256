/** Gap reports: every route whose format supports them reports entries that were deleted before a reader received them. */
import { decode } from "@msgpack/msgpack";
import { createClient } from "graphql-sse";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openAnswer, request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { readEvents } from "../../../support/clients/sse.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { metricOf } from "../../../support/gateway/metrics.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";
import { until } from "../../../support/until.ts";

const { redis, gateway } = await openOwnGateway();
/** Each test uses its own stream, so that caches of earlier tests have no effect. */
let stream = "";
let streams = 0;
beforeEach(() => {
  stream = `s${streams++}`;
});

const add = (id: string) => redis.control.call("XADD", `default:${stream}`, id, "d", `of ${id}`);
async function addTrimmed(): Promise<void> {
  for (const id of ["5-0", "6-0", "7-0", "8-0", "9-0"]) await add(id);
  await redis.control.call("XTRIM", `default:${stream}`, "MINID", "8-0");
}
const pull = (query: string) => connectSocket(`${gateway.ws}/data/${stream}/pull?${query}`);
const readers = () => metricOf(gateway, "readers");

/** A route that reads the stream and reports gaps. */
interface Way {
  /** Resolves with the gap reported before the first entry, and the id of that entry. */
  read(cursor: string): Promise<{ gap: unknown; first: unknown }>;
}

const WAYS: Readonly<Record<string, Way>> = {
  "format=json": {
    async read(cursor) {
      await using socket = await pull(`format=json&gaps=1&count=10&last_entry_id=${cursor}`);
      const { gap } = JSON.parse(await socket.text());
      const [[, first]] = JSON.parse(await socket.text());
      return { gap, first };
    },
  },
  "format=msgpack": {
    async read(cursor) {
      await using socket = await pull(`format=msgpack&gaps=1&count=10&last_entry_id=${cursor}`);
      const { gap } = decode((await socket.next()).data) as { gap: unknown };
      const [entry] = decode((await socket.next()).data) as [string, string][];
      return { gap, first: entry?.[1] };
    },
  },
  "format=json, one at a time with acks": {
    async read(cursor) {
      await using socket = await pull(`format=json&gaps=1&ack=1&last_entry_id=${cursor}`);
      const { gap } = JSON.parse(await socket.text());
      const [[, first]] = JSON.parse(await socket.text());
      return { gap, first };
    },
  },
  "server-sent events": {
    async read(cursor) {
      await using answer = await openAnswer(`${gateway.http}/data/${stream}/events?last_entry_id=${cursor}`);
      const events = readEvents(answer);
      const notice = await events.next();
      expect(notice?.event).toBe("gap");
      // The cursor did not change, so a client that reconnects now receives the report again.
      expect(notice?.id).toBe(cursor);
      return { gap: JSON.parse(notice?.data ?? ""), first: (await events.next())?.id };
    },
  },
  GET: {
    async read(cursor) {
      const answer = await request(
        `${gateway.http}/data/${stream}?format=json&block=10000&last_entry_id=${cursor}`,
      );
      const [[stream_id, after, before]] = JSON.parse(String(answer.headers["x-gaps"]));
      const [[, first]] = answer.json() as [[string, string]];
      return { gap: { stream_id, after, before }, first };
    },
  },
  GraphQL: {
    async read(cursor) {
      const client = createClient({ url: `${gateway.http}/graphql` });
      const query = `subscription($of: JSON!) { data(streamIds: $of, count: 5) { streamId time gap { after before } } }`;
      const results = client.iterate({ query, variables: { of: { [stream]: cursor } } });
      const { value } = await results.next();
      await results.return?.();
      const { streamId, gap, time } = (
        value as { data: { data: { streamId: string; gap: object; time: string[] } } }
      ).data.data;
      return { gap: { stream_id: streamId, ...gap }, first: time[0] };
    },
  },
};

describe.each(Object.entries(WAYS))("%s", (_name, { read }) => {
  test("reports that entries were trimmed", async () => {
    await addTrimmed();
    const gap = { stream_id: stream, after: "5-0", before: "8-0" };
    expect(await read("5-0")).toEqual({ gap, first: "8-0" });
  });

  test("reports with the first entry that the stream was deleted and recreated while it was read", async () => {
    const before = await readers();
    const reading = read("5-0");
    await until("it reads", async () => (await readers()) > before);
    await add("20-0");
    const gap = { stream_id: stream, after: "5-0", before: "20-0" };
    expect(await reading).toEqual({ gap, first: "20-0" });
  });
});

describe("a stream that is created again and uses the reader's last id for another entry", () => {
  let own: TestGateway;
  beforeEach(async () => {
    own = await startTestGateway(redis.url);
  });
  afterEach(() => own.close());

  const isLive = () =>
    until("the reader is live", async () => {
      const { text } = await request(`${own.http}/metrics`);
      return text.includes("redis_streamer_tail_streams 1\n");
    });
  const reuse = (...ids: readonly string[]) =>
    redis.control.call(
      "EVAL",
      "redis.call('DEL', KEYS[1]) for _, id in ipairs(ARGV) do redis.call('XADD', KEYS[1], id, 'd', 'new') end",
      "1",
      `default:${stream}`,
      ...ids,
    );
  const gap = () => ({ stream_id: stream, after: "0-0", before: "5-1" });

  test.each(["", "&ack=1", "&max_fps=1000"])(
    "is reported to a live reader by WebSocket%s",
    async (options) => {
      const query = `format=json&gaps=1&count=10&last_entry_id=0${options}`;
      await using socket = await connectSocket(`${own.ws}/data/${stream}/pull?${query}`);
      await isLive();
      await add("5-0");
      expect(JSON.parse(await socket.text())).toEqual([[stream, "5-0", "of 5-0"]]);
      if (options === "&ack=1") socket.send("");
      await reuse("5-0");
      // Immediately, not only when another entry follows.
      expect(JSON.parse(await socket.text())).toEqual({ gap: gap() });
      await reuse("4-0", "5-0", "6-0");
      await add("7-0");
      const entries: unknown[] = [];
      while (entries.length < 2) {
        const message = JSON.parse(await socket.text());
        if (Array.isArray(message)) entries.push(...message);
        if (Array.isArray(message) && options === "&ack=1") socket.send("");
      }
      expect(entries).toEqual([
        [stream, "6-0", "new"],
        [stream, "7-0", "of 7-0"],
      ]);
    },
  );

  test("is reported to a reader of server-sent events", async () => {
    await using answer = await openAnswer(`${own.http}/data/${stream}/events?last_entry_id=0`);
    const events = readEvents(answer);
    await isLive();
    await add("5-0");
    expect((await events.next())?.id).toBe("5-0");
    await reuse("5-0");
    const notice = await events.next();
    expect([notice?.event, JSON.parse(notice?.data ?? "")]).toEqual(["gap", gap()]);
  });

  test("is reported with the next entries by GraphQL", async () => {
    const client = createClient({ url: `${own.http}/graphql` });
    const query = `subscription($of: JSON!) { data(streamIds: $of, count: 5) { time gap { after before } } }`;
    const results = client.iterate({ query, variables: { of: { [stream]: "0" } } });
    const first = results.next();
    await isLive();
    await add("5-0");
    expect((await first).value).toEqual({ data: { data: { time: ["5-0"], gap: null } } });
    await reuse("5-0", "6-0");
    expect((await results.next()).value).toEqual({
      data: { data: { time: ["6-0"], gap: { after: "0-0", before: "5-1" } } },
    });
    await results.return?.();
  });
});

test("sends only lists of entries without gaps=1", async () => {
  await addTrimmed();
  for (const query of ["format=json", "format=json&gaps=0"]) {
    await using socket = await pull(`${query}&count=10&last_entry_id=5-0`);
    expect(JSON.parse(await socket.text()).map(([, id]: string[]) => id)).toEqual(["8-0", "9-0"]);
  }
});

test("reports no gap to a reader that missed no entry", async () => {
  await addTrimmed();
  for (const cursor of ["0", "8-0"]) {
    await using socket = await pull(`format=json&gaps=1&count=1&last_entry_id=${cursor}`);
    const [[, id]] = JSON.parse(await socket.text());
    expect(id).toBe(cursor === "0" ? "8-0" : "9-0");
    const answer = await request(`${gateway.http}/data/${stream}?last_entry_id=${cursor}`);
    expect(answer.headers["x-gaps"]).toBeUndefined();
  }
});

test("does not report gaps in the header format", async () => {
  await using socket = await pull("gaps=1");
  expect(await socket.closed).toEqual({
    code: 1008,
    reason: "BAD_PARAMETER: gaps requires format=msgpack or format=json",
  });
});

test("reports a gap to a live reader whose stream is deleted and recreated with more entries than it received", async () => {
  await add("5-0");
  await using socket = await pull("format=json&gaps=1&count=10&last_entry_id=0");
  expect(JSON.parse(await socket.text())).toEqual([[stream, "5-0", "of 5-0"]]);
  await redis.control.call("EVAL", REMAKE, "1", `default:${stream}`);
  expect(JSON.parse(await socket.text())).toEqual({
    gap: { stream_id: stream, after: "5-0", before: "20-0" },
  });
  expect(JSON.parse(await socket.text())).toEqual([
    [stream, "20-0", "x"],
    [stream, "21-0", "x"],
  ]);
});

test("reports a gap if the stream is recreated with exactly one entry", async () => {
  await add("5-0");
  await using socket = await pull("format=json&gaps=1&count=10&last_entry_id=0");
  expect(JSON.parse(await socket.text())).toEqual([[stream, "5-0", "of 5-0"]]);
  const remake = "redis.call('DEL', KEYS[1]) redis.call('XADD', KEYS[1], '20-0', 'd', 'x')";
  await redis.control.call("EVAL", remake, "1", `default:${stream}`);
  expect(JSON.parse(await socket.text())).toEqual({
    gap: { stream_id: stream, after: "5-0", before: "20-0" },
  });
  expect(JSON.parse(await socket.text())).toEqual([[stream, "20-0", "x"]]);
});

test("reports no gap to a live reader of a stream that is trimmed to one entry", async () => {
  await using socket = await pull("format=json&gaps=1&count=10&last_entry_id=0");
  for (const id of ["5-0", "6-0", "7-0"]) {
    await redis.control.call("XADD", `default:${stream}`, "MAXLEN", "1", id, "d", "x");
    expect(JSON.parse(await socket.text())).toEqual([[stream, id, "x"]]);
  }
});

test.each([
  ["deleted", ["DEL"], []],
  ["trimmed to its last entry", ["XTRIM"], ["MAXLEN", "1"]],
  ["rid of an entry", ["XDEL"], ["6-0"]],
])(
  "a stream that is %s is current for a new reader, although other readers follow it",
  async (_how, [command = ""], args) => {
    await using own = await startTestGateway(redis.url);
    const key = `default:${stream}`;
    const url = `${own.ws}/data/${stream}/pull?format=json&count=10`;
    await using live = await connectSocket(`${url}&last_entry_id=0`);
    for (const id of ["5-0", "6-0", "7-0"]) {
      const body = JSON.stringify([[stream, id, "x"]]);
      await request(`${own.http}/data/${stream}?format=json`, { method: "POST", body });
      expect(JSON.parse(await live.text())).toEqual([[stream, id, "x"]]);
    }
    const remembered = () => metricOf(own, "recent_bytes");
    expect(await remembered()).toBeGreaterThan(0);
    await redis.control.call(command, key, ...args);
    await until("nothing is remembered", async () => (await remembered()) === 0);
    const left = (await redis.control.call("XRANGE", key, "(5-0", "+")) as [Buffer, unknown][];
    await using late = await connectSocket(`${url}&last_entry_id=5-0`);
    await add("8-0");
    const seen: string[] = [];
    while (seen.at(-1) !== "8-0") for (const [, id] of JSON.parse(await late.text())) seen.push(id);
    expect(seen).toEqual([...left.map(([id]) => id.toString()), "8-0"]);
    expect(JSON.parse(await live.text())).toEqual([[stream, "8-0", "of 8-0"]]);
  },
);

const REMAKE =
  "redis.call('DEL', KEYS[1]) redis.call('XADD', KEYS[1], '20-0', 'd', 'x') redis.call('XADD', KEYS[1], '21-0', 'd', 'x')";
