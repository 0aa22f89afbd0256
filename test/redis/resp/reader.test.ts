import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Reply, ReplyError, ReplyReader } from "../../../src/redis/resp/reader.ts";

/** Parsed replies and pushes of a reader, in order. */
type Message = { reply: Reply } | { push: Reply[] };

function read(...chunks: readonly (string | Buffer)[]): Message[] {
  const messages: Message[] = [];
  const reader = new ReplyReader({
    onReply: (reply) => messages.push({ reply }),
    onPush: (push) => messages.push({ push }),
  });
  for (const chunk of chunks) reader.feed(Buffer.from(chunk));
  return messages;
}

const bulk = (text: string) => Buffer.from(text);

describe("parses each type, whole and byte by byte", () => {
  test.each<[string, string, Reply]>([
    ["status", "+OK\r\n", "OK"],
    ["empty status", "+\r\n", ""],
    ["error", "-ERR unknown command\r\n", new ReplyError("ERR unknown command")],
    ["integer", ":1234\r\n", 1234],
    ["negative integer", ":-7\r\n", -7],
    ["signed integer", ":+7\r\n", 7],
    ["zero", ":0\r\n", 0],
    ["bulk string", "$5\r\nhello\r\n", bulk("hello")],
    ["bulk string with line ends in it", "$6\r\n\r\n$1\r\n\r\n", bulk("\r\n$1\r\n")],
    ["empty bulk string", "$0\r\n\r\n", bulk("")],
    ["RESP2 null bulk string", "$-1\r\n", null],
    ["array", "*2\r\n$1\r\na\r\n:1\r\n", [bulk("a"), 1]],
    ["empty array", "*0\r\n", []],
    ["RESP2 null array", "*-1\r\n", null],
    ["arrays in arrays", "*3\r\n*1\r\n*0\r\n$-1\r\n*1\r\n+x\r\n", [[[]], null, ["x"]]],
    ["RESP3 null", "_\r\n", null],
    ["true", "#t\r\n", true],
    ["false", "#f\r\n", false],
    ["double", ",3.25\r\n", 3.25],
    ["double with an exponent", ",-1.5e-3\r\n", -0.0015],
    ["infinite double", ",inf\r\n", Number.POSITIVE_INFINITY],
    ["negative infinite double", ",-inf\r\n", Number.NEGATIVE_INFINITY],
    ["double that is not a number", ",nan\r\n", Number.NaN],
    ["big number", "(18446744073709551616\r\n", 2 ** 64],
    ["bulk error", "!21\r\nSYNTAX invalid syntax\r\n", new ReplyError("SYNTAX invalid syntax")],
    ["verbatim string", "=8\r\ntxt:some\r\n", bulk("some")],
    ["map", "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", ["a", 1, "b", [2]]],
    ["empty map", "%0\r\n", []],
    ["set", "~2\r\n:1\r\n:2\r\n", [1, 2]],
    ["error inside an array", "*2\r\n-ERR no\r\n:1\r\n", [new ReplyError("ERR no"), 1]],
  ])("%s", (_, bytes, reply) => {
    expect(read(bytes)).toEqual([{ reply }]);
    expect(read(...Array.from(bytes))).toEqual([{ reply }]);
  });

  test("push: messages apart from replies, before, between and after them", () => {
    const message = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n";
    const push = [bulk("invalidate"), [bulk("k")]];
    expect(read(`${message}:1\r\n${message}${message}:2\r\n${message}`)).toEqual([
      { push },
      { reply: 1 },
      { push },
      { push },
      { reply: 2 },
      { push },
    ]);
    expect(read(">2\r\n$10\r\ninvalidate\r\n_\r\n")).toEqual([{ push: [bulk("invalidate"), null] }]);
  });

  test("attribute: left out, wherever it stands", () => {
    const attribute = "|1\r\n+ttl\r\n%1\r\n+a\r\n:5\r\n";
    expect(read(`${attribute}*2\r\n:1\r\n${attribute}:2\r\n${attribute}`)).toEqual([{ reply: [1, 2] }]);
    expect(read("|0\r\n:1\r\n")).toEqual([{ reply: 1 }]);
  });

  test("many replies in one chunk", () => {
    expect(read("+OK\r\n$1\r\nd\r\n*0\r\n_\r\n")).toEqual([
      { reply: "OK" },
      { reply: bulk("d") },
      { reply: [] },
      { reply: null },
    ]);
  });
});

test("an error has its first word for a code", () => {
  expect(new ReplyError("WRONGTYPE Operation against a key").code).toBe("WRONGTYPE");
  expect(new ReplyError("EXECABORT").code).toBe("EXECABORT");
  expect(new ReplyError("").code).toBe("");
});

describe("property: where chunks are cut changes nothing", () => {
  interface Sample {
    readonly bytes: Buffer;
    readonly value: Reply;
  }
  const line = (type: string, text: string | number) => Buffer.from(`${type}${text}\r\n`);
  const word = fc.string({ unit: fc.constantFrom("a", "d", " ", "-", "é"), maxLength: 5 });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 12 }).map((data) => Buffer.from(data)),
    fc.constantFrom("", "d", "\r", "\n", "\r\n", "$3\r\nabc\r\n").map((text) => Buffer.from(text)),
    fc.constant(Buffer.alloc(300, "x")),
  );
  const whole = fc.integer({ min: -(2 ** 53), max: 2 ** 53 });
  const all = (samples: readonly Sample[]) => Buffer.concat(samples.map((one) => one.bytes));
  const values = (samples: readonly Sample[]) => samples.map((one) => one.value);

  const sample: fc.Arbitrary<Sample> = fc.letrec<{ any: Sample }>((tie) => {
    const prefixed = (type: string, value: Buffer) =>
      Buffer.concat([line(type, value.length), value, bulk("\r\n")]);
    const list = (type: string) =>
      fc.array(tie("any"), { maxLength: 3 }).map((items) => ({
        bytes: Buffer.concat([line(type, items.length), all(items)]),
        value: values(items),
      }));
    const pairs = fc.array(fc.tuple(tie("any"), tie("any")), { maxLength: 2 });
    const attributed = fc.tuple(pairs, tie("any")).map(([members, one]) => ({
      bytes: Buffer.concat([line("|", members.length), all(members.flat()), one.bytes]),
      value: one.value,
    }));
    return {
      any: fc.oneof(
        { maxDepth: 3 },
        bytes.map((data) => ({ bytes: prefixed("$", data), value: data })),
        word.map((text) => ({ bytes: line("-", text), value: new ReplyError(text) })),
        word.map((text) => ({ bytes: prefixed("!", bulk(text)), value: new ReplyError(text) })),
        bytes.map((data) => ({ bytes: prefixed("=", Buffer.concat([bulk("txt:"), data])), value: data })),
        whole.map((value) => ({ bytes: line(":", value), value })),
        fc.constantFrom<Sample>(
          { bytes: bulk("+OK\r\n"), value: "OK" },
          { bytes: bulk("_\r\n"), value: null },
          { bytes: bulk("$-1\r\n"), value: null },
          { bytes: bulk("*-1\r\n"), value: null },
          { bytes: bulk("#t\r\n"), value: true },
          { bytes: bulk(",0.5\r\n"), value: 0.5 },
        ),
        list("*"),
        list("~"),
        pairs.map((members) => ({
          bytes: Buffer.concat([line("%", members.length), all(members.flat())]),
          value: values(members.flat()),
        })),
        attributed,
      ),
    };
  }).any;

  const push = fc.array(sample, { minLength: 1, maxLength: 3 }).map((items) => ({
    bytes: Buffer.concat([line(">", items.length), all(items)]),
    message: { push: values(items) },
  }));
  const reply = sample.map(({ bytes: one, value }) => ({ bytes: one, message: { reply: value } }));
  const stream = fc.array(fc.oneof({ weight: 3, arbitrary: reply }, push), { maxLength: 6 });

  test("into any chunks", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (messages, cuts) => {
        const whole = Buffer.concat(messages.map((one) => one.bytes));
        const bounds = [
          0,
          ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b),
          whole.length,
        ];
        const chunks = bounds.slice(1).map((end, i) => whole.subarray(bounds[i], end));
        expect(read(...chunks)).toEqual(messages.map((one) => one.message));
      }),
      { numRuns: 1000 },
    );
  });

  test("byte by byte", () => {
    fc.assert(
      fc.property(stream, (messages) => {
        const whole = Buffer.concat(messages.map((one) => one.bytes));
        const chunks = Array.from(whole, (byte) => Buffer.of(byte));
        expect(read(...chunks)).toEqual(messages.map((one) => one.message));
      }),
      { numRuns: 300 },
    );
  });
});

describe("does not refer to a chunk's memory after feed() returns", () => {
  test.each([
    ["a payload that arrives whole", ["$5\r\nhello\r\n"]],
    ["a payload that spans chunks", ["$5\r\nhe", "llo\r\n"]],
    ["a payload that spans three", ["$5\r\nhe", "l", "lo\r\n"]],
    ["a length that spans two", ["$", "5\r\nhello\r\n"]],
    ["a line end that spans two", ["$5\r\nhello\r", "\n"]],
  ])("%s", (_, texts) => {
    const replies: Reply[] = [];
    const reader = new ReplyReader({ onReply: (reply) => replies.push(reply), onPush: () => undefined });
    const memory = Buffer.alloc(64);
    for (const text of texts) {
      reader.feed(memory.subarray(0, memory.write(text)));
      memory.fill("x");
    }
    expect(replies).toEqual([bulk("hello")]);
  });

  test("a payload that spans chunks retains only its own memory", () => {
    const [messages] = read("$5\r\nhe", "llo\r\n");
    expect((messages as { reply: Buffer }).reply.buffer.byteLength).toBe(5);
  });
});

describe("rejects invalid RESP", () => {
  test.each([
    ["another protocol", "HTTP/1.1 400 Bad Request\r\n"],
    ["an empty line", "\r\n+OK\r\n"],
    ["a letter for a type", "x\r\n"],
    ["an integer of letters", ":abc\r\n"],
    ["an integer of nothing", ":\r\n"],
    ["an integer of a sign", ":-\r\n"],
    ["a fraction for an integer", ":1.5\r\n"],
    ["a bulk length of letters", "$abc\r\n"],
    ["no bulk length", "$\r\nabc\r\n"],
    ["a streamed string", "$?\r\n;4\r\nHell\r\n"],
    ["a bulk string of more than 4 GB", "$4294967297\r\n"],
    ["a bulk string of more bytes than a number can express", "$99999999999999999999999999\r\n"],
    ["a bulk string longer than its length", "$3\r\nabc12+OK\r\n"],
    ["an array of more members than allowed", "*67108865\r\n"],
    ["a map of more members than allowed", "%33554433\r\n"],
    ["an array of letters", "*x\r\n"],
    ["a line that ends in CR alone", "+OK\r+OK\r\n"],
  ])("%s", (_, bytes) => {
    expect(() => read(bytes)).toThrow();
    expect(() => read(...Array.from(bytes))).toThrow();
  });

  test("a line that is too long", () => {
    const reader = new ReplyReader({ onReply: () => undefined, onPush: () => undefined });
    expect(() => {
      for (let i = 0; i < 100; i++) reader.feed(Buffer.alloc(1024, "+"));
    }).toThrow("a line must have at most 65536 bytes");
  });

  test("allocates nothing for a claimed length until members arrive", () => {
    const before = process.memoryUsage().heapUsed;
    expect(read("*67108864\r\n*67108864\r\n*67108864\r\n")).toEqual([]);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10 * 2 ** 20);
  });

  test("fuzz: any bytes produce replies, a wait or an error", () => {
    const mark = fc.constantFrom(..."+-:$*%~>|_#,(!=0123456789\r\n", "\r\n", "1\r\n", "a");
    fc.assert(
      fc.property(fc.array(mark, { maxLength: 30 }), (marks) => {
        try {
          read(marks.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

test("replaces large bulk strings that span chunks by their length", () => {
  const replies: Reply[] = [];
  const reader = new ReplyReader({ onReply: (reply) => replies.push(reply), onPush: () => undefined }, 1000);
  const bytes = Buffer.from(
    `*3\r\n$1000\r\n${"x".repeat(1000)}\r\n$999\r\n${"y".repeat(999)}\r\n$1\r\nz\r\n+OK\r\n`,
  );
  for (let at = 0; at < bytes.length; at += 300) reader.feed(bytes.subarray(at, at + 300));
  expect(replies).toEqual([[1000, Buffer.alloc(999, "y"), bulk("z")], "OK"]);
});
