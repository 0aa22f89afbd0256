/** `GET /data/{stream_id}/density` (docs/protocol.md, "Density"). */
import { expect, test } from "vitest";
import { request } from "../../../../support/clients/http.ts";
import { openOwnGateway } from "../../../../support/gateway/own-gateway.ts";

const { redis, gateway } = await openOwnGateway();

const T0 = 1_795_773_600_000;

interface Answer {
  readonly start: number;
  readonly end: number;
  readonly buckets: number;
  readonly streams: readonly {
    readonly stream_id: string;
    readonly entries: readonly number[];
    readonly bytes: readonly number[];
    readonly sampled: boolean;
    readonly gaps: readonly { readonly after: string; readonly before: string }[];
  }[];
}

/** Adds entries of 10 bytes at times after T0. */
async function add(stream: string, ...times: number[]): Promise<void> {
  await Promise.all(
    times.map((ms) => redis.control.call("XADD", `default:${stream}`, `${T0 + ms}-*`, "d", "0123456789")),
  );
}

async function density(path: string): Promise<Answer> {
  const answer = await request(`${gateway.http}/data/${path}`);
  expect(answer.status).toBe(200);
  return answer.json() as Answer;
}

test("counts entries and bytes per bucket, of several streams on one scale", async () => {
  await add("d-a", 0, 1, 2, 50, 99);
  await add("d-b", 30, 30, 99);
  const found = await density("d-a+d-b/density?buckets=10");
  expect(found).toMatchObject({ start: T0, end: T0 + 100, buckets: 10 });
  expect(found.streams).toEqual([
    {
      stream_id: "d-a",
      entries: [3, 0, 0, 0, 0, 1, 0, 0, 0, 1],
      bytes: [30, 0, 0, 0, 0, 10, 0, 0, 0, 10],
      sampled: false,
      gaps: [],
    },
    {
      stream_id: "d-b",
      entries: [0, 0, 0, 2, 0, 0, 0, 0, 0, 1],
      bytes: [0, 0, 0, 20, 0, 0, 0, 0, 0, 10],
      sampled: false,
      gaps: [],
    },
  ]);
});

test("counts the range, and the streams of a pattern", async () => {
  await add("e-a", 0, 10, 20, 30);
  await add("e-b", 15);
  const found = await density(`e-*/density?buckets=2&start=${T0 + 10}&end=${T0 + 29}`);
  expect(found).toMatchObject({ start: T0 + 10, end: T0 + 30 });
  expect(found.streams.map(({ stream_id, entries }) => [stream_id, entries])).toEqual([
    ["e-a", [1, 1]],
    ["e-b", [1, 0]],
  ]);
});

test("reports the trimmed beginning of a stream", async () => {
  await add("trimmed", 0, 10, 20, 30);
  await redis.control.call("XTRIM", "default:trimmed", "MAXLEN", 2);
  const [stream] = (await density("trimmed/density")).streams;
  expect(stream?.gaps).toEqual([{ after: "0-0", before: `${T0 + 20}-0` }]);
  const [later] = (await density(`trimmed/density?start=${T0 + 25}`)).streams;
  expect(later?.gaps).toEqual([]);
});

test("samples a long stream, reads a bounded number of entries, and reports it", async () => {
  const fill = `for i = 0, 99999 do
    redis.call('XADD', KEYS[1], string.format('%.0f', ${T0} + i * 2) .. '-0', 'd', '0123456789')
  end`;
  await redis.control.call("EVAL", fill, 1, "default:long");
  const before = String(await redis.control.call("INFO", "commandstats"));
  const [stream] = (await density("long/density?buckets=100")).streams;
  expect(stream?.sampled).toBe(true);
  expect(stream?.entries.length).toBe(100);
  for (const entries of stream?.entries ?? []) {
    expect(entries).toBeGreaterThan(950);
    expect(entries).toBeLessThan(1050);
  }
  for (const [i, bytes] of (stream?.bytes ?? []).entries())
    expect(Math.abs(bytes - 10 * (stream?.entries[i] ?? 0))).toBeLessThan(20);
  const calls = (text: string) => Number(/cmdstat_xrange:calls=(\d+)/.exec(text)?.[1] ?? 0);
  const after = String(await redis.control.call("INFO", "commandstats"));
  expect(calls(after) - calls(before)).toBeLessThan(250);
});

test("accepts times that no clock reaches", async () => {
  await add("far", 0);
  const found = await density("far/density?start=18446744073709551614&end=18446744073709551615&buckets=1");
  expect(found.streams[0]?.entries).toEqual([0]);
});

test("is empty for a stream that does not exist, and for a pattern that matches nothing", async () => {
  const [stream] = (await density("nothing/density?buckets=3")).streams;
  expect(stream).toEqual({
    stream_id: "nothing",
    entries: [0, 0, 0],
    bytes: [0, 0, 0],
    sampled: false,
    gaps: [],
  });
  expect((await density("nothing-*/density?buckets=3")).streams).toEqual([]);
});

test.each(["buckets=0", "buckets=2001", "buckets=x", "start=soon", "end=later", "start=9&end=5"])(
  "rejects %s",
  async (query) => {
    const answer = await request(`${gateway.http}/data/d-a/density?${query}`);
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining("BAD_PARAMETER")]);
  },
);

test("counts an entry in the bucket in which its millisecond begins", async () => {
  await add("d-edge", 0, 9, 10, 19, 20, 39);
  const found = await density(`d-edge/density?start=${T0}&end=${T0 + 39}&buckets=4`);
  expect(found.streams[0]?.entries).toEqual([2, 2, 1, 1]);
});

test("rejects more values than a response may have", async () => {
  const names = Array.from({ length: 150 }, (_, i) => `d-none-${i}`).join("+");
  const answer = await request(`${gateway.http}/data/${names}/density?buckets=2000`);
  expect(answer.status).toBe(400);
  expect(answer.text).toContain("buckets must be at most 1333 for 150 streams, got 2000");
});

test("answers pipelined requests of one client, also for large entries", async () => {
  const data = Buffer.alloc(64 * 1024, "x");
  for (let i = 0; i < 300; i++) await redis.control.call("XADD", "default:d-large", `${T0 + i}-0`, "d", data);
  const path = "d-large+d-a/density?buckets=2000";
  const paths = [path, "d-large+d-b/density?buckets=1", path];
  const found = await Promise.all(paths.map(density));
  for (const { streams } of found) expect(streams[0]).toMatchObject({ stream_id: "d-large", sampled: true });
});

test("rejects a key that is not a stream", async () => {
  await redis.control.call("HSET", "default:d-hash", "a", "1");
  const answer = await request(`${gateway.http}/data/d-hash/density`);
  expect([answer.status, answer.json()]).toMatchObject([409, { code: "WRONG_TYPE" }]);
});
