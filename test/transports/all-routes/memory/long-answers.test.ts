/** Long responses, which are encoded in slices: every entry arrives, in order, over real sockets. */
import { decode } from "@msgpack/msgpack";
import { afterAll, beforeAll, expect, test } from "vitest";
import { request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

/** Streams that are long for different reasons: many entries, text, binary payloads, fields. */
const STREAMS = {
  many: Array.from({ length: 3000 }, (_, i) => ({ d: Buffer.from(`entry ${i}`) })),
  text: Array.from({ length: 5 }, () => ({ d: Buffer.from("é€\n".repeat(150_000)) })),
  binary: Array.from({ length: 5 }, (_, i) => ({ d: Buffer.alloc(900_000, 0xf0 + i) })),
  fields: Array.from({ length: 20 }, () => ({
    d: Buffer.from("x"),
    ...Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`f${i}`, Buffer.from([i & 0xff])])),
  })),
};
type Name = keyof typeof STREAMS;
const NAMES = Object.keys(STREAMS) as Name[];

type Item = [stream: string, id: string, payload: unknown, fields?: Record<string, unknown>];

let redis: TestRedis;
let gateway: TestGateway;
const ids = new Map<Name, string[]>();

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  for (const name of NAMES) {
    const replies = await Promise.all(
      STREAMS[name].map((fields) =>
        redis.control.call("XADD", `default:${name}`, "*", ...Object.entries(fields).flat()),
      ),
    );
    ids.set(name, replies.map(String));
  }
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const bytesOf = (value: unknown): Buffer => {
  if (typeof value === "string") return Buffer.from(value);
  if (value instanceof Uint8Array) return Buffer.from(value);
  return Buffer.from((value as { base64: string }).base64, "base64");
};

function expectAll(name: Name, items: readonly Item[]): void {
  expect(items.map(([stream, id]) => [stream, id])).toEqual(ids.get(name)?.map((id) => [name, id]));
  const isEqual = items.every(([, , payload, fields = {}], i) => {
    const { d, ...others } = STREAMS[name][i] ?? { d: Buffer.alloc(0) };
    const names = Object.keys(others);
    const expected: Record<string, Buffer> = others;
    return (
      bytesOf(payload).equals(d) &&
      Object.keys(fields).length === names.length &&
      names.every((field) => expected[field]?.equals(bytesOf(fields[field])))
    );
  });
  expect(isEqual).toBe(true);
}

const itemsOf = (format: string, body: Buffer): Item[] =>
  (format === "json" ? JSON.parse(body.toString()) : decode(body)) as Item[];

for (const name of NAMES)
  for (const format of ["json", "msgpack"]) {
    test(`${name} as ${format}: GET, the newest, history and a pull with acks have every entry`, async () => {
      for (const path of [
        `?last_entry_id=0&count=10000`,
        `?last_entry_id=0&count=10000&latest=1`,
        "/entries?count=10000",
      ]) {
        const answer = await request(
          `${gateway.http}/data/${name}${path}${path.includes("?") ? "&" : "?"}format=${format}`,
        );
        expect(answer.status).toBe(200);
        expectAll(name, itemsOf(format, answer.body));
      }
      await using pull = await connectSocket(
        `${gateway.ws}/data/${name}/pull?last_entry_id=0&count=10000&ack=1&format=${format}`,
      );
      const { data, isBinary } = await pull.next();
      expect(isBinary).toBe(format === "msgpack");
      expectAll(name, itemsOf(format, data));
    });
  }

test("raw: a long response has the payloads end to end", async () => {
  const answer = await request(`${gateway.http}/data/text?last_entry_id=0&count=10000&format=raw`);
  expect(answer.body.equals(Buffer.concat(STREAMS.text.map(({ d }) => d)))).toBe(true);
});

test("readers that share one long entry each receive it, one after the other", async () => {
  const pulls = await Promise.all(
    Array.from({ length: 5 }, () =>
      connectSocket(`${gateway.ws}/data/binary/pull?last_entry_id=0&count=1&ack=1&format=json`),
    ),
  );
  for (const pull of pulls) {
    const items: Item[] = [];
    while (items.length < STREAMS.binary.length) {
      items.push(...itemsOf("json", (await pull.next()).data));
      pull.send("");
    }
    expectAll("binary", items);
    pull.close();
  }
});

test("empty payloads of a quiet pull do not delay a long one", async () => {
  await using pull = await connectSocket(
    `${gateway.ws}/data/fields/pull?last_entry_id=0&count=10000&ack=1&block=1&format=json`,
  );
  for (;;) {
    const items = itemsOf("json", (await pull.next()).data);
    pull.send("");
    if (items.length === 0) continue;
    expectAll("fields", items);
    break;
  }
});

test("releases the memory of clients that disconnect while their response is encoded", async () => {
  const path = "/data/text/pull?last_entry_id=0&count=10000&ack=1&format=json";
  for (let i = 0; i < 10; i++) {
    const controller = new AbortController();
    const answer = fetch(`${gateway.http}/data/text?last_entry_id=0&count=10000&format=json`, {
      signal: controller.signal,
    }).catch(() => undefined);
    const pull = await connectSocket(`${gateway.ws}${path}`);
    setTimeout(() => {
      controller.abort();
      pull.raw.terminate();
    }, i * 3);
    await Promise.all([answer, pull.closed]);
  }
  await until("all memory is returned", async () => {
    const page = (await request(`${gateway.http}/metrics`)).text;
    return [...page.matchAll(/^redis_streamer_memory_bytes\{use="\w+"\} (\d+)$/gm)].every(
      ([, bytes]) => bytes === "0",
    );
  });
});
