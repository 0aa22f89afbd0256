import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Argument, CommandWriter } from "../../../src/redis/resp/writer.ts";
import { anyString } from "../../support/data/any-string.ts";

/** Size (bytes) from which a payload is passed by reference. */
const LARGE = 16 * 1024;

function written(...commands: readonly (readonly Argument[])[]): string {
  const writer = new CommandWriter();
  for (const args of commands) writer.command(args);
  return Buffer.concat(writer.take()).toString("latin1");
}

/** Reference encoder: RESP, "Sending commands to a Redis server". */
function byTheBook(commands: readonly (readonly Argument[])[]): Buffer {
  return Buffer.concat(
    commands.flatMap((args) => [
      Buffer.from(`*${args.length}\r\n`),
      ...args.flatMap((arg) => {
        const bytes = typeof arg === "object" ? Buffer.from(arg) : Buffer.from(String(arg));
        return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")];
      }),
    ]),
  );
}

describe("encodes byte for byte", () => {
  test.each<[string, readonly Argument[], string]>([
    ["a word", ["PING"], "*1\r\n$4\r\nPING\r\n"],
    [
      "words and numbers",
      ["XREAD", "COUNT", 10, -1],
      "*4\r\n$5\r\nXREAD\r\n$5\r\nCOUNT\r\n$2\r\n10\r\n$2\r\n-1\r\n",
    ],
    ["bytes", [Uint8Array.of(0xff, 0x0d, 0x0a)], "*1\r\n$3\r\n\xff\r\n\r\n"],
    ["nothing", ["", new Uint8Array()], "*2\r\n$0\r\n\r\n$0\r\n\r\n"],
    ["letters of several bytes, counted as bytes", ["雪"], "*1\r\n$3\r\n\xe9\x9b\xaa\r\n"],
  ])("%s", (_, args, bytes) => {
    expect(written(args)).toBe(bytes);
  });

  test("consecutive commands", () => {
    expect(written(["A"], ["B", "C"])).toBe("*1\r\n$1\r\nA\r\n*2\r\n$1\r\nB\r\n$1\r\nC\r\n");
  });

  test("an encoded prefix and its argument", () => {
    const writer = new CommandWriter();
    writer.encoded(Buffer.from("*2\r\n$4\r\nECHO\r\n"));
    writer.argument(Uint8Array.of(0x61));
    writer.encoded(Buffer.from("*1\r\n$4\r\nPING\r\n"));
    expect(Buffer.concat(writer.take()).toString()).toBe(
      "*2\r\n$4\r\nECHO\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n",
    );
  });
});

test("take() empties the writer", () => {
  const writer = new CommandWriter();
  expect(writer.take()).toEqual([]);
  writer.command(["A"]);
  expect(writer.take()).toHaveLength(1);
  expect(writer.take()).toEqual([]);
  writer.command(["B"]);
  expect(Buffer.concat(writer.take()).toString()).toBe("*1\r\n$1\r\nB\r\n");
});

describe("passes large payloads by reference", () => {
  test("from the threshold on, in order with what precedes and follows", () => {
    const writer = new CommandWriter();
    const large = new Uint8Array(LARGE).fill(1);
    const small = new Uint8Array(LARGE - 1).fill(2);
    writer.command(["SET", small]);
    writer.command(["SET", large]);
    writer.command(["SET", small]);
    const parts = writer.take();
    expect(parts).toHaveLength(3);
    expect(parts[1]).toBe(large);
  });

  test("encodes any number of small commands as one part", () => {
    const writer = new CommandWriter();
    for (let i = 0; i < 1000; i++) writer.command(["XADD", "s", "*", "d", "x"]);
    expect(writer.take()).toHaveLength(1);
  });
});

describe("property: any commands", () => {
  const size = fc.oneof(
    { weight: 20, arbitrary: fc.nat({ max: 40 }) },
    fc.nat({ max: 70_000 }),
    fc.constantFrom(LARGE - 1, LARGE, LARGE + 1, 64 * 1024 - 9, 64 * 1024, 64 * 1024 + 1),
  );
  const argument = fc.oneof(
    anyString(),
    size.map((length) => "é".repeat(length / 2)),
    fc.tuple(size, fc.nat({ max: 255 })).map(([length, byte]) => new Uint8Array(length).fill(byte)),
    fc.maxSafeInteger(),
  );
  const commands = fc.array(fc.array(argument, { minLength: 1, maxLength: 6 }), { maxLength: 4 });

  test("are encoded as specified, and returned memory is never overwritten", () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 5 }), (turns) => {
        const writer = new CommandWriter();
        const taken = turns.map((turn) => {
          for (const args of turn) writer.command(args);
          return writer.take();
        });
        // Compared after all writes: the socket may still be reading the first part when the last is written.
        taken.forEach((parts, i) => {
          expect(Buffer.compare(Buffer.concat(parts), byTheBook(turns[i] ?? []))).toBe(0);
        });
      }),
      { numRuns: 300 },
    );
  });
});

test("lengths of any number of digits, at the end of a block of memory", () => {
  const lengths = [0, 9, 10, 99, 100, 999, 1000, 9999, 10_000, LARGE - 1, LARGE, 99_999, 100_000];
  for (const before of lengths) {
    const commands = lengths.map((length) => ["X".repeat(before % 70), new Uint8Array(length)]);
    expect(written(...commands)).toBe(byTheBook(commands).toString("latin1"));
  }
});
