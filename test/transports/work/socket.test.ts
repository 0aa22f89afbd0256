/** `/data/{stream_id}/work/{group}`: messages, settling, rejections, and the end of connections. */
import { decode } from "@msgpack/msgpack";
import { afterEach, describe, expect, test } from "vitest";
import { connectSocket, type TestSocket } from "../../support/clients/socket.ts";
import { startTestGateway } from "../../support/gateway/gateway.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { until } from "../../support/until.ts";

const { redis, gateway } = await openOwnGateway({ MAX_STREAMS: "3", MAX_NAME_BYTES: "100" });
afterEach(() => redis.control.call("FLUSHALL"));

const redisDoes = (...command: (string | number | Buffer)[]) => redis.control.call(...command);
const work = (path: string): Promise<TestSocket> => connectSocket(`${gateway.ws}/data/${path}`);
const json = async (socket: TestSocket): Promise<unknown> => JSON.parse(await socket.text());

describe("messages", () => {
  test("are JSON with the delivery count, and are confirmed", async () => {
    await redisDoes("XADD", "default:cam", "5-1", "d", "a");
    await redisDoes("XADD", "default:cam", "5-2", "d", Buffer.from([0xff]), "kind", "x");
    await using socket = await work("cam/work/g?from=0&format=json&confirm=1");
    expect(await json(socket)).toEqual([
      ["cam", "5-1", "a", null, { n: 1 }],
      ["cam", "5-2", { base64: "/w==" }, { kind: "x" }, { n: 1 }],
    ]);
    socket.send('{"ack": ["5-1", "9-9"], "nack": ["5-2"]}');
    expect(await json(socket)).toEqual({ done: { ack: 1, nack: 1, late: ["9-9"] } });
    expect(await json(socket)).toEqual([["cam", "5-2", { base64: "/w==" }, { kind: "x" }, { n: 2 }]]);
    socket.send('{"progress": ["5-2"]}');
    expect(await json(socket)).toEqual({ done: { progress: 1, late: [] } });
    socket.send('{"term": ["5-2"], "reason": "broken"}');
    expect(await json(socket)).toEqual({ done: { term: 1, late: [] } });
    expect(String(await redisDoes("XLEN", "default:cam:dead:g"))).toBe("1");
  });

  test("have the answer to an acknowledgement before the entries for its permits", async () => {
    await using socket = await work("cam/work/g?from=0&format=json&confirm=1&permits=2");
    for (let i = 1; i <= 6; i++) await redisDoes("XADD", "default:cam", `5-${i}`, "d", "x");
    const received: unknown[] = [];
    while (received.length < 6) {
      const entries = (await json(socket)) as unknown[][];
      received.push(...entries);
      socket.send(JSON.stringify({ ack: entries.map(([, id]) => id) }));
      expect(await json(socket)).toEqual({ done: { ack: entries.length, late: [] } });
    }
  });

  test("are MessagePack by default, without confirmation", async () => {
    await redisDoes("XADD", "default:cam", "5-1", "d", "a");
    await using socket = await work("cam/work/g?from=0");
    const { data, isBinary } = await socket.next();
    expect(isBinary).toBe(true);
    expect(decode(data)).toEqual([["cam", "5-1", Buffer.from("a"), null, { n: 1 }]]);
    socket.send('{"ack": ["5-1"]}');
    await until("it is acknowledged", async () => {
      const [pending] = (await redisDoes("XPENDING", "default:cam", "g")) as [number];
      return pending === 0;
    });
  });

  test("name the stream of an id with several streams", async () => {
    await redisDoes("XADD", "default:a", "5-1", "d", "x");
    await redisDoes("XADD", "default:b", "5-1", "d", "y");
    await using socket = await work("a+b/work/g?from=0&format=json&confirm=1");
    expect(await json(socket)).toEqual([["a", "5-1", "x", null, { n: 1 }]]);
    expect(await json(socket)).toEqual([["b", "5-1", "y", null, { n: 1 }]]);
    socket.send('{"ack": [["b", "5-1"], ["a", "7-7"]]}');
    expect(await json(socket)).toEqual({ done: { ack: 1, late: [["a", "7-7"]] } });
  });

  test("of a worker that settles nothing pause longer each time, until it settles", async () => {
    await redisDoes("XADD", "default:cam", "5-1", "d", "x");
    await using socket = await work("cam/work/g?from=0&format=json&ack_wait=200&max_deliver=100");
    const from = performance.now();
    for (let n = 1; n <= 5; n++) expect(await json(socket)).toEqual([["cam", "5-1", "x", null, { n }]]);
    // Four times `ack_wait`, and pauses of 200, 400 and 800 ms; without them 800 ms.
    expect(performance.now() - from).toBeGreaterThan(1500);
    socket.send('{"ack": ["5-1"]}');
    await redisDoes("XADD", "default:cam", "5-2", "d", "y");
    expect(await json(socket)).toEqual([["cam", "5-2", "y", null, { n: 1 }]]);
  });

  test("are delivered by grants with permits=0", async () => {
    for (const id of ["5-1", "5-2"]) await redisDoes("XADD", "default:cam", id, "d", "x");
    await using socket = await work("cam/work/g?from=0&format=json&permits=0");
    socket.send('{"permits": 1}');
    expect(await json(socket)).toEqual([["cam", "5-1", "x", null, { n: 1 }]]);
    socket.send('{"permits": 5}');
    expect(await json(socket)).toEqual([["cam", "5-2", "x", null, { n: 1 }]]);
  });

  test("report entries that were trimmed before they were done", async () => {
    await redisDoes("XADD", "default:cam", "5-1", "d", "x");
    await using socket = await work("cam/work/g?from=0&format=json&ack_wait=1000");
    await json(socket);
    await redisDoes("XDEL", "default:cam", "5-1");
    expect(await json(socket)).toEqual({ lost: ["5-1"] });
  });
});

describe("the end of a connection", () => {
  test("gives back what it held, uncounted, and removes the consumer", async () => {
    await redisDoes("XADD", "default:cam", "5-1", "d", "x");
    const first = await work("cam/work/g?from=0&format=json&consumer=me");
    await json(first);
    first.raw.terminate();
    await using second = await work("cam/work/g?format=json");
    expect(await json(second)).toEqual([["cam", "5-1", "x", null, { n: 1 }]]);
    const consumers = (await redisDoes("XINFO", "CONSUMERS", "default:cam", "g")) as Buffer[][];
    expect(consumers.map((one) => String(one[1]))).not.toContain("me");
  });

  test("also happens when the gateway stops", async () => {
    const other = await startTestGateway(redis.url);
    await redisDoes("XADD", "default:cam", "5-1", "d", "x");
    const socket = await connectSocket(`${other.ws}/data/cam/work/g?from=0&format=json`);
    await json(socket);
    await other.close();
    expect((await socket.closed).code).toBe(1001);
    const pending = (await redisDoes("XPENDING", "default:cam", "g", "-", "+", 10)) as unknown[][];
    expect(pending.map((one) => [String(one[1]), one[3]])).toEqual([["released", 0]]);
  });
});

describe("rejects", () => {
  test.each([
    ["cam/work/g?permits=1001", "permits must be an integer between 0 and 1000"],
    ["cam/work/g?ack_wait=99", "ack_wait must be an integer between 100 and 86400000"],
    ["cam/work/g?max_deliver=0", "max_deliver must be an integer between 1 and 1000000"],
    ["cam/work/g?delete=all", "delete must be one of never, acked"],
    ["cam/work/g?format=raw", "format must be one of msgpack, json"],
    ["cam/work/g?from=now", "from must be an entry id, milliseconds, 0, - or $"],
    ["cam/work/g?consumer=released", "consumer must not be released and not begin with auto:"],
    ["cam/work/g?consumer=auto:1", "consumer must not be released and not begin with auto:"],
    ["low+cam/work/g?dead_letter=cam", 'dead_letter must not be a stream of the request, got "cam"'],
    ["cam*/work/g", "stream_id must not be a pattern here"],
    ["a+b+c+d/work/g", "stream_id must name at most 3 streams, got 4"],
    [`cam/work/${"g".repeat(101)}`, "group must be at most 100 bytes, got 101"],
    ["cam/work/%ff", 'group must be percent-encoded UTF-8, got "%ff"'],
    [`cam/work/g?consumer=${"c".repeat(101)}`, "consumer must be at most 100 bytes, got 101"],
  ])("%s", async (path, problem) => {
    await using socket = await work(path);
    const { code, reason } = await socket.closed;
    expect(`${code} ${reason}`).toContain(`1008 BAD_PARAMETER: ${problem}`);
  });

  test("a key that is not a stream", async () => {
    await redisDoes("SET", "default:cam", "x");
    await using socket = await work("cam/work/g");
    expect((await socket.closed).reason).toMatch(/^WRONG_TYPE: /);
  });

  test.each([
    ["", "must be JSON"],
    ["[]", "must be an object"],
    ["null", "must be an object"],
    ['{"acks": []}', "must have only the members"],
    ['{"ack": "5-1"}', "ack must be a list of entry ids"],
    ['{"ack": ["x"]}', "ack must contain entry ids"],
    ['{"ack": [5]}', "ack must contain entry ids"],
    ['{"ack": [["other", "5-1"]]}', "ack must name streams of the request"],
    ['{"ack": [["cam", "5-1", 1]]}', "ack must contain entry ids"],
    ['{"nack": ["5-1"], "delay": 30001}', "delay must be an integer between 0 and ack_wait, 30000"],
    ['{"nack": ["5-1"], "delay": -1}', "delay must be an integer"],
    ['{"nack": ["5-1"], "delay": "1"}', "delay must be an integer"],
    ['{"term": ["5-1"], "reason": 5}', "reason must be text of at most 1000 characters"],
    ['{"permits": 5}', "must not have permits"],
    ['{"permits": 1.5}', "permits must be an integer between 0 and 10000"],
    ['{"token": 5}', "token must be text"],
    [
      JSON.stringify({ ack: Array(600).fill("5-1"), nack: Array(401).fill("5-1") }),
      "must name at most 1000 entries, got 1001",
    ],
  ])("the message %s", async (message, problem) => {
    await using socket = await work("cam/work/g");
    socket.send(message);
    const { code, reason } = await socket.closed;
    expect(`${code} ${reason}`).toMatch(/^1008 BAD_PAYLOAD: /);
    expect(reason).toContain(problem);
  });

  test("a message that nests too deeply", async () => {
    await using socket = await work("cam/work/g");
    socket.send(`{"ack": ${"[".repeat(5000)}${"]".repeat(5000)}}`);
    expect((await socket.closed).reason).toMatch(/^TOO_LARGE: /);
  });

  test("a binary message", async () => {
    await using socket = await work("cam/work/g");
    socket.send(Buffer.from("{}"));
    expect((await socket.closed).code).toBe(1003);
  });

  test("a message over the limit", async () => {
    await using socket = await work("cam/work/g");
    socket.send(" ".repeat(513 * 1024));
    expect((await socket.closed).code).toBe(1009);
  });
});
