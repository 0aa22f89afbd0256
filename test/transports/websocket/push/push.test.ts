/** Route `/data/{stream_id}/push` over real sockets: the statements of docs/protocol.md, "WebSocket push". */
// cspell:ignore ümläut
import { encode } from "@msgpack/msgpack";
import { describe, expect, test } from "vitest";
import { connectSocket, type TestSocket } from "../../../support/clients/socket.ts";
import { startTestGateway } from "../../../support/gateway/gateway.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";
import { until } from "../../../support/until.ts";

const { redis, gateway } = await openOwnGateway();

const push = (path: string) => connectSocket(`${gateway.ws}/data/${path}`);
const ack = async (socket: TestSocket) => JSON.parse(await socket.text());
/** Returns the entries of a key as `id payload`. */
async function stored(key: string): Promise<string[]> {
  const entries = (await redis.control.call("XRANGE", key, "-", "+")) as [Buffer, Buffer[]][];
  return entries.map(([id, fields]) => `${id} ${fields.join(",")}`);
}
const ID = expect.stringMatching(/^\d+-\d+$/);

test("the buffer of a rejected message returns to the pool at once", async () => {
  const pooled = async (): Promise<number> => {
    const text = await (await fetch(`${gateway.http}/metrics`)).text();
    return Number(/^redis_streamer_payload_pool_bytes (\d+)$/m.exec(text)?.[1]);
  };
  const before = await pooled();
  await using socket = await push("rejected/push");
  socket.send("[100000,200000]");
  socket.send(Buffer.alloc(150_000));
  await socket.closed;
  expect(await pooled()).toBeGreaterThanOrEqual(before + 150_000);
});

test("reading pauses earlier if entries have a dedupe key, which takes Redis longer", async () => {
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${gateway.http}/metrics`)).text();
    return Number(new RegExp(`^redis_streamer_${name} (\\d+)$`, "m").exec(text)?.[1]);
  };
  await using plain = await push("plain/push?header=0");
  await using deduped = await push("deduped/push?header=0&dedupe=k");
  const before = await metric("push_pauses_total");
  await redis.control.call("CLIENT", "PAUSE", 60_000, "WRITE");
  for (let i = 0; i < 1000; i++) plain.send(Buffer.from("x"));
  await until("all wait for Redis", async () => (await metric("appends_in_flight")) === 1000);
  expect(await metric("push_pauses_total")).toBe(before);
  for (let i = 0; i < 1000; i++) deduped.send(Buffer.from("x"));
  await until("the socket is paused", async () => (await metric("push_pauses_total")) === before + 1);
  expect(await metric("appends_in_flight")).toBeLessThan(2000);
  await redis.control.call("CLIENT", "UNPAUSE");
  for (const key of ["default:plain", "default:deduped"])
    await until("all are stored", async () => (await redis.control.call("XLEN", key)) === 1000);
});

describe("header=1", () => {
  test.each([
    ["[2,5]", "h1", { h1: ["ab", "cde"] }],
    ["[0,2]", "h2", { h2: ["ab", "cde"] }],
    ["[]", "h3", { h3: ["abcde"] }],
    ["[5]", "h4", { h4: ["abcde"] }],
    ["[2,5]", "h5+h6", { h5: ["ab"], h6: ["cde"] }],
    ['[["h7",2],["h8",5]]', "url", { h7: ["ab"], h8: ["cde"] }],
    ['[["h9",null,2],["h9","",3],["h9","*",5]]', "url", { h9: ["ab", "c", "de"] }],
  ])("%s on %s", async (header, streams, expected) => {
    await using socket = await push(`${streams}/push?ack=1`);
    socket.send(header);
    socket.send(Buffer.from("abcde"));
    const ids = await ack(socket);
    expect(ids).toEqual(Array(Object.values(expected).flat().length).fill(ID));
    for (const [stream, payloads] of Object.entries(expected))
      expect((await stored(`default:${stream}`)).map((one) => one.split(" d,")[1])).toEqual(payloads);
  });

  test("accepts ids of the client: a full id, milliseconds as an integer, and `<ms>-*`", async () => {
    await using socket = await push("url/push?ack=1");
    socket.send('[["own","5-7",1],["own",6,2],["own","6-*",3]]');
    socket.send(Buffer.from("abc"));
    expect(await ack(socket)).toEqual(["5-7", "6-0", "6-1"]);
    expect(await stored("default:own")).toEqual(["5-7 d,a", "6-0 d,b", "6-1 d,c"]);
  });

  test("“`offsets=end` … is the only way to send an empty first entry by ends”", async () => {
    await using socket = await push("empty/push?ack=1&offsets=end");
    socket.send("[0,3,3]");
    socket.send(Buffer.from("abc"));
    expect(await ack(socket)).toHaveLength(3);
    expect((await stored("default:empty")).map((one) => one.split(" d,")[1])).toEqual(["", "abc", ""]);
  });

  test("“the stream ids get the same device and prefix as the URL's”", async () => {
    await using socket = await push("url/push?ack=1&device_id=cam&prefix=p/");
    socket.send('[["named",1]]');
    socket.send(Buffer.from("a"));
    socket.send("[]");
    socket.send(Buffer.from("b"));
    await ack(socket);
    await ack(socket);
    expect(await stored("cam:p/named")).toHaveLength(1);
    expect(await stored("cam:p/url")).toHaveLength(1);
  });
});

test("header=0: “each message is one entry. A text message is its UTF-8 bytes”", async () => {
  await using socket = await push("raw/push?header=0&ack=1");
  const payloads = [Buffer.of(0xff, 0), Buffer.alloc(0), Buffer.from("ümläut")];
  for (const payload of payloads.slice(0, 2)) socket.send(payload);
  socket.send("ümläut");
  for (const _ of payloads) expect(await ack(socket)).toEqual([ID]);
  const entries = (await redis.control.call("XRANGE", "default:raw", "-", "+")) as [Buffer, Buffer[]][];
  expect(entries.map(([, [, data]]) => data)).toEqual(payloads);
});

test("stores entries in the clean formats, with additional fields", async () => {
  await using packed = await push("clean/push?format=msgpack&ack=1");
  packed.send(
    encode([
      ["c1", null, Buffer.of(255)],
      ["c2", "5-1", "text", { a: Buffer.from("1") }],
    ]),
  );
  expect(await ack(packed)).toEqual([ID, "5-1"]);
  await using text = await push("clean/push?format=json&ack=1");
  text.send('[["c2","6-1",{"base64":"AP8="}],["c2","7-1","x",{"b":"2"}]]');
  expect(await ack(text)).toEqual(["6-1", "7-1"]);
  const entries = (await redis.control.call("XRANGE", "default:c2", "-", "+")) as [Buffer, Buffer[]][];
  expect(entries.map(([, fields]) => fields)).toEqual([
    ["d", "text", "a", "1"].map((one) => Buffer.from(one)),
    [Buffer.from("d"), Buffer.of(0, 255)],
    ["d", "x", "b", "2"].map((one) => Buffer.from(one)),
  ]);
});

describe("an entry that Redis rejects", () => {
  const rejection = { error: expect.stringContaining("smaller"), code: "ID_NOT_ABOVE_LAST" };

  test("is reported in its position with acks, and the connection stays open", async () => {
    await using socket = await push("url/push?ack=1");
    socket.send('[["order","5-0",1],["order","4-0",2],["order","6-0",3]]');
    socket.send(Buffer.from("abc"));
    expect(await ack(socket)).toEqual(["5-0", rejection, "6-0"]);
    socket.send("[]");
    socket.send(Buffer.from("on"));
    expect(await ack(socket)).toEqual([ID]);
    expect(await stored("default:order")).toEqual(["5-0 d,a", "6-0 d,c"]);
  });

  test("closes with 1008 and the reason without acks", async () => {
    await using socket = await push("url/push");
    socket.send('[["silent","5-0",1],["silent","4-0",2]]');
    socket.send(Buffer.from("ab"));
    expect(await socket.closed).toEqual({ code: 1008, reason: expect.stringContaining("ID_NOT_ABOVE_LAST") });
  });

  test("reports a key that is not a stream", async () => {
    await redis.control.call("SET", "default:string", "x");
    await using socket = await push("string/push?header=0&ack=1");
    socket.send("x");
    expect(await ack(socket)).toEqual([expect.objectContaining({ code: "WRONG_TYPE" })]);
  });
});

test("sends one ack per batch, in the order of the batches", async () => {
  await using socket = await push("many/push?ack=1");
  const total = 2000;
  for (let i = 1; i <= total; i++) {
    socket.send(`[["many","${i}-0",1]]`);
    socket.send(Buffer.from("x"));
  }
  for (let i = 1; i <= total; i++) expect(await ack(socket)).toEqual([`${i}-0`]);
});

test("“what arrived before the client closed or vanished is stored”", async () => {
  for (const end of ["close", "terminate"] as const) {
    const socket = await push(`${end}/push?header=0`);
    for (let i = 0; i < 500; i++) socket.send(String(i));
    await until("all is handed to the kernel", () => socket.raw.bufferedAmount === 0);
    socket.raw[end]();
    await until("all is stored", async () => (await stored(`default:${end}`)).length === 500);
  }
});

test("trims a stream to about REDIS_STREAM_MAXLEN entries", async () => {
  await using small = await startTestGateway(redis.url, { REDIS_STREAM_MAXLEN: "100" });
  await using socket = await connectSocket(`${small.ws}/data/trimmed/push?header=0&ack=1`);
  for (let i = 0; i < 1000; i++) socket.send("x");
  for (let i = 0; i < 1000; i++) await socket.next();
  const length = async () => Number(await redis.control.call("XLEN", "default:trimmed"));
  // Until the stream's metadata has been read nothing is trimmed; a trim follows the last reply, so perhaps the last ack.
  await until("the stream is trimmed", async () => (await length()) < 300);
  expect(await length()).toBeGreaterThanOrEqual(100);
});

describe("long batches", () => {
  const COUNT = 400;
  /** Entries of 400 bytes, numbered from `first`; decoded in slices. */
  const longBatch = (stream: string, first: number) =>
    Array.from({ length: COUNT }, (_, i) => [stream, null, `${first + i} ${"x".repeat(400)}`]);
  const numbersOf = async (key: string) =>
    (await stored(key)).map((one) => Number(/ d,(\d+)/.exec(one)?.[1]));

  test.each(["json", "msgpack"] as const)(
    "short batches behind a long one wait for it: %s",
    async (format) => {
      await using socket = await push(`long-${format}/push?format=${format}&ack=1`);
      const send = (batch: unknown) => socket.send(format === "json" ? JSON.stringify(batch) : encode(batch));
      send(longBatch(`long-${format}`, 0));
      for (let i = 0; i < 20; i++) send([[`long-${format}`, null, String(COUNT + i)]]);
      send(longBatch(`long-${format}`, COUNT + 20));
      expect(await ack(socket)).toHaveLength(COUNT);
      for (let i = 0; i < 20; i++) expect(await ack(socket)).toHaveLength(1);
      expect(await ack(socket)).toHaveLength(COUNT);
      expect(await numbersOf(`default:long-${format}`)).toEqual(
        Array.from({ length: 2 * COUNT + 20 }, (_, i) => i),
      );
    },
  );

  test("stores nothing of a long batch with an invalid last entry, nor later batches", async () => {
    await using socket = await push("long-wrong/push?format=json&ack=1");
    socket.send(JSON.stringify([...longBatch("long-wrong", 0), ["long-wrong", null]]));
    socket.send('[["long-wrong",null,"after"]]');
    expect((await socket.closed).code).toBe(1008);
    expect(await stored("default:long-wrong")).toEqual([]);
  });

  test("stores a batch whose client disconnects right after it, and releases its memory", async () => {
    {
      await using socket = await push("long-left/push?format=json");
      socket.send(JSON.stringify(longBatch("long-left", 0)));
    }
    await until(
      "the batch to be stored",
      async () => (await numbersOf("default:long-left")).length === COUNT,
    );
    await until("its memory to be released", async () => {
      const metrics = await (await fetch(`${gateway.http}/metrics`)).text();
      const held = [
        ...metrics.matchAll(/^redis_streamer_memory_bytes\{[^}]*(?:append|message)[^}]*\} (\d+)/gm),
      ];
      return held.length > 0 && held.every(([, bytes]) => bytes === "0");
    });
  });
});
