/** Route `/data/{stream_id}/pull` over real sockets: the statements of docs/protocol.md, "WebSocket pull". */
import { decode } from "@msgpack/msgpack";
import { describe, expect, test } from "vitest";
import { connectSocket, type TestSocket } from "../../../support/clients/socket.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";

const { redis, gateway } = await openOwnGateway();

const add = (stream: string, id: string, data: string | Uint8Array = id) =>
  redis.control.call("XADD", `default:${stream}`, id, "d", data);
async function seed(stream: string, ...ids: string[]): Promise<void> {
  for (const id of ids) await add(stream, id);
}
const pull = (path: string) => connectSocket(`${gateway.ws}/data/${path}`);
const json = async (socket: TestSocket) => JSON.parse(await socket.text());
test("“a cursor after the newest entry waits for an entry with a larger id”", async () => {
  await seed("early", "1-0");
  await using socket = await pull("early/pull?last_entry_id=5-0&format=json&gaps=1");
  await seed("early", "4-0", "5-0", "6-0");
  expect(await json(socket)).toEqual([["early", "6-0", "6-0"]]);
  const polled = await fetch(`${gateway.http}/data/early?last_entry_id=7-0&block=0&format=json`);
  expect([await polled.json(), polled.headers.get("x-last-entry-id")]).toEqual([[], "7-0"]);
});

describe("header=1", () => {
  test("“each payload is a JSON text header, then one binary message: the entries end to end”", async () => {
    await seed("h", "1-1", "1-22", "2-0");
    await using socket = await pull("h/pull?last_entry_id=0&count=2");
    const header = await socket.next();
    expect([header.isBinary, header.data.toString()]).toEqual([false, '[["h","1-1",0],["h","1-22",3]]']);
    const payload = await socket.next();
    expect([payload.isBinary, payload.data.toString()]).toEqual([true, "1-11-22"]);
    expect(await socket.pair()).toEqual({ header: [["h", "2-0", 0]], payload: Buffer.from("2-0") });
    await add("h", "3-0");
    expect(await socket.pair()).toEqual({ header: [["h", "3-0", 0]], payload: Buffer.from("3-0") });
  });

  test("“`offsets=end` gives ends instead”", async () => {
    await seed("ends", "1-1", "1-22");
    await using socket = await pull("ends/pull?last_entry_id=0&count=2&offsets=end");
    expect((await socket.pair()).header).toEqual([
      ["ends", "1-1", 3],
      ["ends", "1-22", 7],
    ]);
  });

  test("“when `block` ms pass without an entry, an empty pair is sent”, again and again", async () => {
    await using socket = await pull("quiet/pull?block=50");
    for (let i = 0; i < 3; i++) expect(await socket.pair()).toEqual({ header: [], payload: Buffer.alloc(0) });
    await add("quiet", "1-0");
    let pair = await socket.pair();
    while (pair.header.length === 0) pair = await socket.pair();
    expect(pair.header).toEqual([["quiet", "1-0", 0]]);
  });

  test("sends one entry per payload by default (count=1)", async () => {
    await seed("one", "1-0", "2-0");
    await using socket = await pull("one/pull?last_entry_id=0");
    expect((await socket.pair()).header).toHaveLength(1);
    expect((await socket.pair()).header).toHaveLength(1);
  });
});

describe("header=0", () => {
  test("“one binary message per entry” for any count, “and nothing at all when it is quiet”", async () => {
    await seed("raw", "1-0", "2-0");
    await add("raw", "3-0", "");
    await using socket = await pull("raw/pull?last_entry_id=0&header=0&count=10&block=20");
    for (const text of ["1-0", "2-0", ""])
      expect(await socket.next()).toEqual({ data: Buffer.from(text), isBinary: true });
    await add("raw", "4-0");
    expect(await socket.text()).toBe("4-0");
  });

  test("“one stream only”", async () => {
    await using socket = await pull("a+b/pull?header=0");
    expect(await socket.closed).toEqual({ code: 1008, reason: expect.stringContaining("header") });
  });
});

describe("the clean format", () => {
  test("one message per batch, self-describing, empty when quiet", async () => {
    const bytes = Buffer.of(0xff, 0);
    await add("clean", "1-0", "text");
    await add("clean", "2-0", bytes);
    await redis.control.call("XADD", "default:clean", "3-0", "d", "x", "field", "value");
    const query = "last_entry_id=0&count=3&block=50";
    await using text = await pull(`clean/pull?${query}&format=json`);
    expect(await json(text)).toEqual([
      ["clean", "1-0", "text"],
      ["clean", "2-0", { base64: bytes.toString("base64") }],
      ["clean", "3-0", "x", { field: "value" }],
    ]);
    expect(await json(text)).toEqual([]);
    await using packed = await pull(`clean/pull?${query}&format=msgpack`);
    expect(decode((await packed.next()).data)).toEqual([
      ["clean", "1-0", Buffer.from("text")],
      ["clean", "2-0", bytes],
      ["clean", "3-0", Buffer.from("x"), { field: Buffer.from("value") }],
    ]);
    expect(decode((await packed.next()).data)).toEqual([]);
  });
});

test("“`ack=1`: the server waits for one message, text or binary, before each further payload”", async () => {
  await seed("ack", "1-0", "2-0", "3-0", "4-0");
  await using socket = await pull("ack/pull?last_entry_id=0&ack=1&format=json");
  await using other = await pull("ack/pull?last_entry_id=0&format=json&count=4");
  expect(await json(socket)).toEqual([["ack", "1-0", "1-0"]]);
  // A second reader without acks shows that enough time has passed for a second payload.
  expect(await json(other)).toHaveLength(4);
  let received = 0;
  socket.raw.on("message", () => received++);
  await add("ack", "5-0");
  expect(await json(other)).toHaveLength(1);
  expect(received).toBe(0);
  socket.send("ok");
  expect(await json(socket)).toEqual([["ack", "2-0", "2-0"]]);
  socket.send(Buffer.alloc(0));
  expect(await json(socket)).toEqual([["ack", "3-0", "3-0"]]);
});

describe("latest=1", () => {
  test("sends the newest entry, then new entries", async () => {
    await seed("latest", "1-0", "2-0");
    await using socket = await pull("latest/pull?last_entry_id=0&latest=1&format=json");
    expect(await json(socket)).toEqual([["latest", "2-0", "2-0"]]);
    await add("latest", "3-0");
    expect(await json(socket)).toEqual([["latest", "3-0", "3-0"]]);
  });

  test("“a reader that is slow gets the newest entry when it is ready again, never a backlog”", async () => {
    await seed("skip", "1-0");
    await using socket = await pull("skip/pull?last_entry_id=0&latest=1&ack=1&format=json");
    expect(await json(socket)).toEqual([["skip", "1-0", "1-0"]]);
    await seed("skip", "2-0", "3-0", "4-0");
    socket.send("");
    expect(await json(socket)).toEqual([["skip", "4-0", "4-0"]]);
  });

  test("“with `count=N` the newest N, oldest of them first”", async () => {
    await seed("newest", "1-0", "2-0", "3-0", "4-0");
    await using socket = await pull("newest/pull?last_entry_id=0&latest=1&count=3&format=json");
    expect((await json(socket)).map(([, id]: [string, string]) => id)).toEqual(["2-0", "3-0", "4-0"]);
  });

  test("sends “the first to come” if the stream has no entries after the cursor", async () => {
    await seed("none", "1-0");
    await using socket = await pull("none/pull?last_entry_id=1-0&latest=1&format=json");
    await add("none", "2-0");
    expect(await json(socket)).toEqual([["none", "2-0", "2-0"]]);
  });
});

describe("max_fps", () => {
  test("“without `latest` they queue in Redis”: sends all entries in order", async () => {
    await using socket = await pull("paced/pull?last_entry_id=0&max_fps=100&format=json");
    const ids = Array.from({ length: 10 }, (_, i) => `${i + 1}-0`);
    const seen: string[] = [];
    // Before the first entry exists, so before the first payload.
    const start = performance.now();
    await seed("paced", ...ids);
    while (seen.length < ids.length) for (const [, id] of await json(socket)) seen.push(id);
    expect(seen).toEqual(ids);
    // Nine pauses of 10 ms. The upper bound depends on the machine.
    expect(performance.now() - start).toBeGreaterThan(60);
  });

  test("“with `latest` the entries in between are skipped”", async () => {
    await seed("fast", "1-0");
    await using socket = await pull("fast/pull?last_entry_id=0&max_fps=2&latest=1&format=json");
    expect(await json(socket)).toEqual([["fast", "1-0", "1-0"]]);
    await seed("fast", "2-0", "3-0", "4-0");
    expect(await json(socket)).toEqual([["fast", "4-0", "4-0"]]);
  });
});

describe("cursors", () => {
  test("starts at the last generated id with `$`, the default, and misses no later entry", async () => {
    await seed("now", "5-0");
    await redis.control.call("XDEL", "default:now", "5-0");
    for (const query of ["", "&last_entry_id=$", "&last_entry_id="]) {
      await using socket = await pull(`now/pull?format=json${query}&block=20`);
      expect(await json(socket)).toEqual([]);
    }
  });

  test.each(["0", "-", "0-0"])("starts at the beginning with %s", async (cursor) => {
    await seed(`from ${cursor}`, "1-0");
    await using socket = await pull(`from ${cursor}/pull?last_entry_id=${cursor}&format=json`);
    expect(await json(socket)).toHaveLength(1);
  });

  test("“for several streams one value for all, or one per stream joined by `+`”", async () => {
    await seed("x", "1-0", "2-0");
    await seed("y", "1-0", "2-0");
    for (const [cursors, expected] of [
      ["0", ["x 1-0", "x 2-0", "y 1-0", "y 2-0"]],
      ["1-0+0", ["x 2-0", "y 1-0", "y 2-0"]],
      ["2-0%2B1", ["y 2-0"]],
    ] as const) {
      await using socket = await pull(`x+y/pull?last_entry_id=${cursors}&format=json&count=9`);
      const seen: string[] = [];
      while (seen.length < expected.length)
        for (const [stream, id] of await json(socket)) seen.push(`${stream} ${id}`);
      expect(seen.toSorted()).toEqual(expected);
    }
  });
});

test("strips prefix and device from stream ids, and keeps the device with keep_device_id_in_stream_id", async () => {
  await redis.control.call("XADD", "cam:p/s", "1-0", "d", "x");
  const path = "s/pull?last_entry_id=0&device_id=cam&prefix=p/&format=json";
  await using plain = await pull(path);
  expect(await json(plain)).toEqual([["s", "1-0", "x"]]);
  await using kept = await pull(`${path}&keep_device_id_in_stream_id=True`);
  expect(await json(kept)).toEqual([["cam:s", "1-0", "x"]]);
});

test("closes with 1008 and a reason if the key is not a stream", async () => {
  await redis.control.call("SET", "default:string", "x");
  for (const cursor of ["0", "$"]) {
    await using socket = await pull(`string/pull?last_entry_id=${cursor}`);
    expect(await socket.closed).toEqual({ code: 1008, reason: expect.stringContaining("WRONG_TYPE") });
  }
});
