/**
 * Thousands of invalid requests over real sockets. Each is answered with the right code and a message that names the
 * problem, nothing of it is stored, and healthy connections are not affected.
 */
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Answer, request } from "../../support/clients/http.ts";
import { connectSocket, type TestSocket } from "../../support/clients/socket.ts";
import { anyString } from "../../support/data/any-string.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

const MAX_BYTES = 64 * 1024;
const MAX_ENTRIES = 50;

let redis: TestRedis;
let gateway: TestGateway;
let healthyPush: TestSocket;
let healthyPull: TestSocket;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, {
    MAX_MESSAGE_BYTES: String(MAX_BYTES),
    MAX_BATCH_ENTRIES: String(MAX_ENTRIES),
    MAX_STREAMS: "10",
  });
  healthyPush = await connectSocket(`${gateway.ws}/data/healthy/push?header=0&ack=1`);
  healthyPull = await connectSocket(`${gateway.ws}/data/healthy/pull?header=0`);
  healthyPush.send("first");
  await healthyPush.next();
});
afterEach(async () => {
  // The same sockets as at the start, and nothing in Redis but their entries.
  const mark = randomBytes(8);
  healthyPush.send(mark);
  expect(JSON.parse(await healthyPush.text())).toEqual([expect.stringMatching(/^\d+-\d+$/)]);
  let pulled = await healthyPull.next();
  while (!pulled.data.equals(mark)) pulled = await healthyPull.next();
  const keys = String(await redis.control.call("KEYS", "*")).split(",");
  // Entries that one test stored must not fail the next test.
  for (const key of keys) if (key !== "default:healthy") await redis.control.call("DEL", key);
  expect(keys).toEqual(["default:healthy"]);
  const { text } = await request(`${gateway.http}/metrics`);
  expect(text).toContain("redis_streamer_internal_errors_total 0\n");
  expect(text).toContain("redis_streamer_append_bytes_in_flight 0\n");
});
afterAll(async () => {
  healthyPush.raw.terminate();
  healthyPull.raw.terminate();
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

/** Close code and reason after these messages; undefined if the server answers each message instead. */
function endOf(path: string, messages: readonly (string | Uint8Array)[] = []): Promise<string | undefined> {
  const socket = new WebSocket(`${gateway.ws}/data/${path}`, { perMessageDeflate: false });
  let answers = 0;
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("open", () => {
      for (const message of messages) socket.send(message);
    });
    socket.on("message", () => {
      answers++;
      if (answers < messages.length) return;
      socket.terminate();
      resolve(undefined);
    });
    socket.on("close", (code, reason) => resolve(`${code} ${reason.toString()}`));
  });
}

/** Checks a property for a number of values, many at a time, because most of the time is waiting. */
async function check<T>(
  runs: number,
  values: fc.Arbitrary<T>,
  property: (value: T) => Promise<void>,
): Promise<void> {
  const AT_A_TIME = 25;
  await fc.assert(
    fc.asyncProperty(
      fc.array(values, { minLength: AT_A_TIME, maxLength: AT_A_TIME, size: "max" }),
      async (many) => {
        await Promise.all(many.map(property));
      },
    ),
    { numRuns: Math.ceil(runs / AT_A_TIME), endOnFailure: true },
  );
}

const BAD_HEADER = /^1008 BAD_HEADER: \S/;
const WRONG_KIND = /^1003 WRONG_MESSAGE_KIND: \S/;
const TOO_LARGE = /^1009 TOO_LARGE: \S/;

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** Text that a browser can send: lone surrogates cannot be encoded as UTF-8. */
const text = anyString({ maxLength: 30 });
const id = fc.constantFrom("1-1", "*", "5", null, "7-*");
const notAnOffset = fc.oneof(
  fc.integer({ max: -1 }),
  fc.double({ noInteger: true, noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(null, true, "3", {}, 1e300, 2 ** 53),
);
const notAnId = fc.oneof(
  fc.constantFrom(
    0,
    -1,
    1.5,
    true,
    {},
    "0-0",
    "1-2-3",
    "-",
    "$",
    "1-x",
    "٣",
    "99999999999999999999999",
    "1-1 ",
  ),
  fc.array(fc.integer(), { maxLength: 2 }),
);
const notAStream = fc.constantFrom<unknown>("", 1, null, true, {}, []);

describe("rejects push headers", () => {
  const offset = fc.nat(5);
  const badItem = fc.oneof(
    fc.tuple(fc.constant("s"), id, notAnOffset),
    fc.tuple(fc.constant("s"), notAnOffset),
    fc.tuple(notAStream, offset),
    fc.tuple(fc.constant("s"), notAnId, offset),
    fc.tuple(fc.constant("s")),
    fc.tuple(fc.constant("s"), id, offset, offset),
    fc.constantFrom<unknown[]>([], [[]]),
  );
  const goodItem = fc.tuple(fc.constant("s"), id, fc.constant(5));
  const malformedHeader = fc.oneof(
    text.filter((one) => !isJson(one)),
    fc
      .jsonValue()
      .filter((one) => !Array.isArray(one))
      .map((one) => JSON.stringify(one)),
    fc
      .tuple(fc.array(offset, { maxLength: 3 }), notAnOffset, fc.array(offset, { maxLength: 3 }))
      .map(([a, b, c]) => JSON.stringify([...a, b, ...c])),
    fc
      .tuple(fc.array(goodItem, { maxLength: 3 }), badItem, fc.array(goodItem, { maxLength: 3 }))
      .map(([a, b, c]) => JSON.stringify([...a, b, ...c])),
    // Half offsets, half items.
    fc.constantFrom('[5,["s",5]]', '[["s",5],5]', '["s",5]', "[[5],[5]]"),
    // Truncated in the middle.
    fc.nat(20).map((at) => '[["s","1-1",2],["s","2-1",5]]'.slice(0, at)),
  );

  test("that are malformed", () =>
    check(1000, malformedHeader, async (header) => {
      expect(await endOf("fuzz/push?ack=1", [header, Buffer.from("abcde")])).toMatch(BAD_HEADER);
    }));

  test("whose offsets do not fit the payload", () =>
    check(
      500,
      fc
        .tuple(
          fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }),
          fc.nat(9),
          fc.constantFrom("auto", "start", "end"),
        )
        .filter(([offsets, length, side]) => !fits(offsets, length, side)),
      async ([offsets, length, side]) => {
        const path = `fuzz/push?ack=1&offsets=${side}`;
        expect(await endOf(path, [JSON.stringify(offsets), Buffer.alloc(length)])).toMatch(BAD_HEADER);
      },
    ));

  test("that do not match the streams of the URL", () =>
    check(
      100,
      fc.integer({ min: 1, max: 6 }).filter((n) => n !== 2),
      async (n) => {
        const header = JSON.stringify(Array.from({ length: n }, (_, i) => i + 1));
        expect(await endOf("fuzz+zzuf/push?ack=1", [header, Buffer.alloc(n)])).toMatch(
          /^1008 BAD_HEADER: header must have one offset per stream of the URL \(2\), got \d/,
        );
      },
    ));

  test("and closes the connection: earlier messages are stored and acknowledged, later ones are not", () =>
    check(200, fc.tuple(fc.nat(5), malformedHeader, fc.uuid()), async ([before, header, stream]) => {
      await using socket = await connectSocket(`${gateway.ws}/data/${stream}/push?ack=1`);
      const batch = (name: string) => {
        socket.send("[]");
        socket.send(Buffer.from(name));
      };
      for (let i = 0; i < before; i++) batch(`before ${i}`);
      socket.send(header);
      batch("behind");
      for (let i = 0; i < before; i++) expect(JSON.parse(await socket.text())).toHaveLength(1);
      const { code, reason } = await socket.closed;
      expect(`${code} ${reason}`).toMatch(BAD_HEADER);
      const url = `${gateway.http}/data/${stream}/entries?format=json`;
      const stored = (await request(url)).json() as [string, string, string][];
      expect(stored.map(([, , payload]) => payload)).toEqual(
        Array.from({ length: before }, (_, i) => `before ${i}`),
      );
      await redis.control.call("DEL", `default:${stream}`);
    }));

  const kinds = fc.constantFrom<[string, (string | Uint8Array)[], RegExp]>(
    ["", [Buffer.from("[5]")], WRONG_KIND],
    ["", ["[5]", "hello"], WRONG_KIND],
    ["", ["[5]", "[5]"], BAD_HEADER],
    ["format=msgpack", ["[]"], WRONG_KIND],
    ["format=json", [Buffer.from("[]")], WRONG_KIND],
  );
  test("and payloads in the wrong kind of message", () =>
    check(200, kinds, async ([query, messages, expected]) => {
      expect(await endOf(`fuzz/push?ack=1&${query}`, messages)).toMatch(expected);
    }));

  test("and payloads that are too large, or batches with too many entries", () =>
    check(
      100,
      fc.constantFrom<[string, (string | Uint8Array)[]]>(
        ["header=0", [Buffer.alloc(MAX_BYTES + 1)]],
        ["", ["[]", Buffer.alloc(MAX_BYTES + 1)]],
        ["", [`[${" ".repeat(MAX_BYTES)}]`]],
        ["", [JSON.stringify(Array.from({ length: MAX_ENTRIES + 1 }, (_, i) => i + 1))]],
        ["", [`[${"[".repeat(MAX_BYTES / 2)}`]],
        ["format=json", [JSON.stringify(Array(MAX_ENTRIES + 1).fill(["fuzz", null, ""]))]],
        ["format=msgpack", [encode(Array(MAX_ENTRIES + 1).fill(["fuzz", null, new Uint8Array()]))]],
      ),
      async ([query, messages]) => {
        expect(await endOf(`fuzz/push?ack=1&${query}`, messages)).toMatch(TOO_LARGE);
      },
    ));
});

/** The rule of docs/protocol.md for offsets: they ascend and cover the whole payload. */
function fits(offsets: readonly number[], length: number, side: string): boolean {
  const areStarts = side === "start" || (side === "auto" && offsets[0] === 0);
  if (!offsets.every((one, i) => one <= length && one >= (offsets[i - 1] ?? 0))) return false;
  return areStarts ? offsets[0] === 0 : offsets.at(-1) === length;
}

describe("rejects in the clean formats", () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  const whole = encode([
    ["fuzz", null, Uint8Array.of(1, 2, 3)],
    ["fuzz", "5-1", "text", { field: Uint8Array.of(4) }],
  ]);
  const badBatch = fc.oneof(
    fc.jsonValue().filter((one) => !Array.isArray(one)),
    fc
      .oneof(
        fc.tuple(notAStream, id, fc.constant("x")),
        fc.tuple(fc.constant("fuzz"), notAnId, fc.constant("x")),
        fc.tuple(fc.constant("fuzz"), id, fc.constantFrom<unknown>(1, null, true, ["x"], { base: "x" })),
        fc.tuple(
          fc.constant("fuzz"),
          id,
          fc.constant("x"),
          fc.constantFrom<unknown>(1, "x", [1], { a: 1 }, { d: "x" }),
        ),
        fc.tuple(fc.constant("fuzz"), id),
        fc.tuple(fc.constant("fuzz"), id, fc.constant("x"), fc.constant({}), fc.constant(1)),
        fc.jsonValue().filter((one) => !Array.isArray(one)),
      )
      .map((item) => [["fuzz", null, "good"], item]),
  );

  /** Returns whether a message is a MessagePack map. A POST stores a map or a JSON object as one entry, whatever it holds. */
  const isMap = (message: Uint8Array) => {
    const first = message[0] ?? 0;
    return (first >= 0x80 && first <= 0x8f) || first === 0xde || first === 0xdf;
  };

  test("invalid MessagePack, and MessagePack that is not a batch", () =>
    check(
      1000,
      fc.oneof(
        // 0xc1 is not a type, so this is not valid MessagePack whatever follows.
        bytes.map((tail) => Buffer.concat([Uint8Array.of(0x91, 0xc1), tail])),
        fc.nat(whole.length - 1).map((at) => whole.subarray(0, at)),
        bytes.filter((tail) => tail.length > 0).map((tail) => Buffer.concat([whole, tail])),
        badBatch.map((value) => encode(value)),
        // Five bytes that claim four billion members.
        fc.constantFrom(
          Uint8Array.of(0xdd, 255, 255, 255, 255),
          Uint8Array.of(0x91, 0xdf, 255, 255, 255, 255),
        ),
        fc.constant(new Uint8Array(10_000).fill(0x91)),
      ),
      async (message) => {
        expect(await endOf("fuzz/push?ack=1&format=msgpack", [message])).toMatch(BAD_HEADER);
        if (isMap(message)) return;
        const answer = await post("fuzz?format=msgpack", message);
        expect([answer.status, answer.json()]).toEqual([
          400,
          { error: expect.any(String), code: "BAD_HEADER" },
        ]);
      },
    ));

  test("invalid JSON, and JSON that is not a batch", () =>
    check(
      1000,
      fc.oneof(
        text.filter((one) => !isJson(one)),
        fc.nat(30).map((at) => '[["fuzz",null,"payload of it"]]'.slice(0, at)),
        badBatch.map((value) => JSON.stringify(value)),
        fc.constantFrom('[["fuzz",null,{"base64":"?"}]]', '[["fuzz",null,{"base64":"A"}]]'),
      ),
      async (message) => {
        expect(await endOf("fuzz/push?ack=1&format=json", [message])).toMatch(BAD_HEADER);
        if (message.startsWith("{") && isJson(message)) return;
        const answer = await post("fuzz?format=json", message);
        expect([answer.status, answer.json()]).toEqual([
          400,
          { error: expect.any(String), code: "BAD_HEADER" },
        ]);
      },
    ));
});

const post = (
  path: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> => request(`${gateway.http}/data/${path}`, { method: "POST", body, headers });

describe("rejects parameters", () => {
  const TRUTH = /^(1|true|yes|on|t|y|0|false|no|off|f|n|)$/i;
  const notABoolean = text.filter((one) => !TRUTH.test(one));
  const notANumber = fc.oneof(
    text.filter((one) => !/^[\d.]*$/.test(one)),
    fc.constantFrom("-1", "1e3", "0x10", "+1", " 1", "1 ", "99999999999999999999", "NaN", "Infinity", "١"),
  );
  const notACursor = fc.oneof(
    text.filter((one) => !/^[\d+ $-]*$/.test(one)),
    fc.constantFrom(
      "1-",
      "-1",
      "1-2-3",
      "$$",
      "--",
      "1.5",
      "1-1-",
      "18446744073709551616-0",
      "0-18446744073709551616",
    ),
  );
  const notACount = fc.oneof(notANumber, fc.constantFrom("0", String(MAX_ENTRIES + 1), "1.5"));
  const word = (...words: readonly string[]) =>
    text.filter((one) => !["", ...words].includes(one.toLowerCase()));

  type Case = readonly [parameter: string, value: string];
  const of = (parameter: string, values: fc.Arbitrary<string>): fc.Arbitrary<Case> =>
    fc.tuple(fc.constant(parameter), values);
  const push: fc.Arbitrary<Case> = fc.oneof(
    of("header", notABoolean),
    of("ack", notABoolean),
    of("offsets", word("auto", "start", "end")),
    of("format", word("msgpack", "json")),
  );
  const reading = fc.oneof(
    of("last_entry_id", notACursor),
    of("latest", notABoolean),
    of("count", notACount),
    of("block", notANumber),
    of("offsets", word("start", "end")),
    of("keep_device_id_in_stream_id", notABoolean),
  );
  const pull = fc.oneof(
    reading,
    of("header", notABoolean),
    of("ack", notABoolean),
    of("max_fps", notANumber),
    of("format", word("msgpack", "json")),
  );
  const get = fc.oneof(reading, of("format", word("raw", "msgpack", "json")));
  const entries = fc.oneof(
    of(
      "start",
      notACursor.filter((one) => one !== "--"),
    ),
    of(
      "end",
      notACursor.filter((one) => one !== "--"),
    ),
    of("count", notACount),
    of("reverse", notABoolean),
  );
  const events = fc.oneof(
    of("last_entry_id", notACursor),
    of("latest", notABoolean),
    of("format", word("text", "json", "base64")),
  );
  const mjpeg = fc.oneof(of("last_entry_id", notACursor), of("max_fps", notANumber));

  test.each([
    ["push", push],
    ["pull", pull],
  ])("of %s", (route, cases) =>
    check(600, cases, async ([parameter, value]) => {
      const end = await endOf(`fuzz/${route}?${parameter}=${encodeURIComponent(value)}`);
      expect(end?.startsWith(`1008 BAD_PARAMETER: ${parameter} `), `${parameter}=${value}: ${end}`).toBe(
        true,
      );
    }),
  );

  test.each([
    ["GET", "fuzz", get],
    ["GET", "fuzz/entries", entries],
    ["GET", "fuzz/events", events],
    ["GET", "fuzz/mjpeg", mjpeg],
    ["POST", "fuzz", of("format", word("raw", "msgpack", "json"))],
  ] as const)("of %s %s", (method, path, cases) =>
    check(400, cases, async ([parameter, value]) => {
      const url = `${gateway.http}/data/${path}?${parameter}=${encodeURIComponent(value)}`;
      const answer = await request(url, { method, ...(method === "POST" && { body: "x" }) });
      expect([value, answer.status, answer.json()]).toEqual([
        value,
        400,
        { error: expect.stringMatching(new RegExp(`^${parameter} `)), code: "BAD_PARAMETER" },
      ]);
    }),
  );

  test("of the streams in the path", () =>
    check(
      200,
      fc.constantFrom(
        "+",
        "a+",
        "+a",
        "a++b",
        "%",
        "%zz",
        "a%f",
        "%ff",
        "a%2",
        "%C3%28",
        Array(11).fill("a").join("+"),
      ),
      async (segment) => {
        for (const route of ["push", "pull"])
          expect(await endOf(`${segment}/${route}`)).toMatch(/^1008 BAD_PARAMETER: stream_id /);
        for (const [method, route] of [
          ["GET", ""],
          ["GET", "/entries"],
          ["GET", "/events"],
          ["POST", ""],
        ] as const) {
          const answer = await request(`${gateway.http}/data/${segment}${route}`, { method });
          expect([answer.status, answer.json()]).toEqual([
            400,
            { error: expect.stringMatching(/^stream_id /), code: "BAD_PARAMETER" },
          ]);
        }
      },
    ));
});

describe("rejects HTTP bodies", () => {
  const boundary = "----boundary";
  const part = (name: string, content: string, filename?: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? "" : `; filename="${filename}"`}\r\n\r\n${content}\r\n`;
  const closing = `--${boundary}--`;
  const whole = part("entries", "abc", "s") + part("entries", "defgh") + closing;
  const type = `multipart/form-data; boundary=${boundary}`;
  const rejected = (problem: Answer) =>
    expect([problem.status, problem.json()]).toEqual([400, { error: expect.any(String), code: "BAD_BODY" }]);

  test("of truncated multipart", () =>
    check(600, fc.nat(whole.length - 1), async (at) => {
      rejected(await post("fuzz", whole.slice(0, at), { "content-type": type }));
    }));

  test("of invalid multipart", () =>
    check(
      300,
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(
          part("entry", "abc") + closing,
          part("entries", "abc") + part("file", "abc", "s") + closing,
          closing,
          whole.replaceAll(boundary, "other"),
          whole.replaceAll("\r\n", "\n"),
          `--${boundary}\r\n\r\nabc\r\n${closing}`,
        ),
      ),
      async (body) => rejected(await post("fuzz", body, { "content-type": type })),
    ));

  test("of multipart without a boundary", () =>
    check(
      50,
      fc.constantFrom("multipart/form-data", "multipart/form-data; boundary="),
      async (contentType) => {
        rejected(await post("fuzz", whole, { "content-type": contentType }));
      },
    ));

  test("that are too large, or have a content encoding", async () => {
    const large = await post("fuzz", Buffer.alloc(MAX_BYTES + 1));
    expect([large.status, large.json()]).toMatchObject([413, { code: "TOO_LARGE" }]);
    const many = part("entries", "").repeat(MAX_ENTRIES + 1) + closing;
    const batch = await post("fuzz", many, { "content-type": type });
    expect([batch.status, batch.json()]).toMatchObject([413, { code: "TOO_LARGE" }]);
    const encoded = await post("fuzz", "x", { "content-encoding": "gzip" });
    expect([encoded.status, encoded.json()]).toMatchObject([415, { code: "UNSUPPORTED_MEDIA_TYPE" }]);
  });
});

describe("rejects WebSocket frames", () => {
  const MASK = Buffer.of(0x12, 0x34, 0x56, 0x78);

  /** Encodes a frame (RFC 6455, 5.2) from its first byte. */
  function frame(
    first: number,
    payload: Uint8Array,
    { masked = true, length = payload.length } = {},
  ): Buffer {
    const head = Buffer.alloc(10);
    head[0] = first;
    head[1] = (masked ? 0x80 : 0) | (length < 126 ? length : 127);
    if (length >= 126) head.writeBigUInt64BE(BigInt(length), 2);
    const start = head.subarray(0, length < 126 ? 2 : 10);
    if (!masked) return Buffer.concat([start, payload]);
    return Buffer.concat([start, MASK, payload.map((byte, i) => byte ^ (MASK[i % 4] ?? 0))]);
  }

  /** Sends bytes after a handshake. @returns the code and reason of the close frame */
  function closeAfter(bytes: Uint8Array, query = "header=0"): Promise<string> {
    const { host, hostname, port } = new URL(gateway.http);
    const socket = connect(Number(port), hostname);
    const key = randomBytes(16).toString("base64");
    socket.write(
      `GET /data/fuzz/push?${query} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    socket.write(bytes);
    return new Promise((resolve, reject) => {
      let seen = Buffer.alloc(0);
      socket.on("error", reject);
      socket.on("data", (chunk) => {
        seen = Buffer.concat([seen, chunk]);
        const at = seen.indexOf("\r\n\r\n") + 4;
        if (at < 4 || seen.length < at + 2 || seen.length < at + 2 + (seen[at + 1] ?? 0)) return;
        // A close frame without a code answers one without a code.
        const code = seen[at + 1] === 0 ? 1005 : seen.readUInt16BE(at + 2);
        const result = seen[at] === 0x88 ? `${code} ${seen.subarray(at + 4)}` : `no close: ${seen[at]}`;
        socket.destroy();
        resolve(result);
      });
      socket.on("close", () => resolve("nothing"));
    });
  }

  const payload = fc.uint8Array({ minLength: 1, maxLength: 100 });
  const violations = fc.oneof(
    // Not masked; a reserved bit; a reserved opcode.
    payload.map((bytes) => frame(0x82, bytes, { masked: false })),
    fc
      .tuple(fc.constantFrom(0x10, 0x20, 0x40, 0x70), payload)
      .map(([bit, bytes]) => frame(0x82 | bit, bytes)),
    fc
      .tuple(fc.constantFrom(3, 4, 5, 6, 7, 11, 12, 13, 14, 15), payload)
      .map(([code, bytes]) => frame(0x80 | code, bytes)),
    // A fragmented control frame, or one that is too long.
    fc.tuple(fc.constantFrom(8, 9, 10), payload).map(([code, bytes]) => frame(code, bytes)),
    fc.constantFrom(8, 9, 10).map((code) => frame(0x80 | code, new Uint8Array(126))),
    // A continuation without a start; a new message inside another one.
    payload.map((bytes) => frame(0x80, bytes)),
    fc.tuple(payload, payload).map(([a, b]) => Buffer.concat([frame(0x02, a), frame(0x82, b)])),
    // A close frame of one byte, or with a code that must not be sent.
    fc.constant(frame(0x88, Uint8Array.of(1))),
    fc
      .constantFrom(0, 999, 1004, 1005, 1006, 1015, 2000)
      .map((code) => frame(0x88, Uint8Array.of(code >> 8, code & 255))),
  );
  test("that violate the protocol", () =>
    check(800, violations, async (bytes) => {
      expect(await closeAfter(bytes)).toMatch(/^1002 PROTOCOL_ERROR: \S/);
    }));

  test("with text that is not UTF-8", () =>
    check(
      200,
      fc.constantFrom([0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x61, 0xc3]),
      async (bytes) => {
        expect(await closeAfter(frame(0x81, Uint8Array.from(bytes)))).toMatch(/^1007 BAD_PAYLOAD: \S/);
      },
    ));

  test("that announce more than the maximum", () =>
    check(
      200,
      fc.constantFrom(MAX_BYTES + 1, 2 ** 31, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER),
      async (length) => {
        expect(await closeAfter(frame(0x82, new Uint8Array(), { length }))).toMatch(TOO_LARGE);
      },
    ));

  test("of random bytes, without crashing", () =>
    check(500, fc.uint8Array({ minLength: 1, maxLength: 60 }), async (bytes) => {
      // Followed by an invalid frame, in case the bytes are the beginning of a valid one.
      const end = Buffer.concat([bytes, Buffer.alloc(MAX_BYTES * 2, 0x70)]);
      // With headers, so that a message that is valid by chance is not stored.
      expect(await closeAfter(end, "header=1")).toMatch(/^(100[1-9]|[34]\d\d\d) |^no close: |^nothing$/);
    }));
});
