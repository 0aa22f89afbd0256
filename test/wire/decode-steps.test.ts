import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { expect, test } from "vitest";
import { GatewayError } from "../../src/domain/errors.ts";
import { runAtOnce } from "../../src/domain/scheduling/run-at-once.ts";
import {
  decodeJson,
  decodeJsonBody,
  decodeJsonBodySteps,
  decodeJsonSteps,
} from "../../src/wire/json/json.ts";
import { decodeMsgpack, decodeMsgpackBodySteps, decodeMsgpackSteps } from "../../src/wire/msgpack/msgpack.ts";
import type { PushedEntry } from "../../src/wire/push-batch.ts";
import { createPushDecoder } from "../../src/wire/push-decoder.ts";
import { lossyTextOf } from "../../src/wire/utf8.ts";

const MAX_ENTRIES = 200;
const bytes = (text: string) => new TextEncoder().encode(text);

/** Returns a batch, or a rejection without its reason, because the decoders may detect two errors in either order. */
function outcome(decode: () => readonly PushedEntry[] | undefined): unknown {
  try {
    // Uint8Array and Buffer are equal here.
    return decode()?.map(({ stream, id, data, fields }) => [stream, id, hex(data), fields && shown(fields)]);
  } catch (error) {
    if (error instanceof GatewayError) return "rejected";
    throw error;
  }
}

const hex = (data: Uint8Array) => Buffer.from(data).toString("hex");
const shown = (fields: NonNullable<PushedEntry["fields"]>) =>
  [...fields].map(([name, value]) => [name, [value].flat().map(hex)]).sort();

/** JSON strings of every size at which the decoder switches its method, with all kinds of escapes. */
const character = fc.constantFrom(
  "a",
  "é",
  "😀",
  '"',
  "\\",
  "\n",
  "\u0001",
  "\\u0041",
  "\ud83d",
  "/",
  "[",
  ",",
  "}",
);
const text = fc
  .tuple(
    fc.array(character, { maxLength: 12 }),
    // Mostly short: a batch has up to hundreds of values, and a few long ones change its method as well as many do.
    fc.oneof(
      { arbitrary: fc.constantFrom(1, 1, 300), weight: 9 },
      { arbitrary: fc.constantFrom(2000, 20_000, 40_000), weight: 1 },
    ),
  )
  .map(([characters, times]) => characters.join("").repeat(times).slice(0, 300_000));

/** JSON of a string: literal, or with every character as a `\u` escape. */
const jsonString = fc.tuple(text, fc.boolean()).map(([value, isEscaped]) =>
  isEscaped
    ? `"${value
        .slice(0, 40_000)
        .split("")
        .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
        .join("")}"`
    : JSON.stringify(value),
);
const base64 = fc
  .tuple(fc.uint8Array({ maxLength: 8 }), fc.constantFrom(1, 3, 3, 3, 7000, 50_000))
  .map(([data, times]) => `{"base64": "${Buffer.concat(Array(times).fill(data)).toString("base64")}"}`);
const value = fc.oneof(jsonString, base64);
const blanks = fc.constantFrom("", "", " ", "\n\t", "\n\t", " ".repeat(20_000));
const fields = fc
  .array(
    fc.tuple(
      fc.constantFrom("a", "b", "d", "__proto__", "7"),
      fc.oneof(
        value,
        value.map((one) => `[${one},""]`),
      ),
    ),
    {
      maxLength: 3,
    },
  )
  .map((members) => `{${members.map(([name, one]) => `"${name}":${one}`).join(",")}}`);
const entry = fc
  .tuple(value, fc.option(fields), blanks)
  .map(([data, more, space]) => `["s",null,${space}${data}${more === null ? "" : `,${more}`}]`);
const batch = fc
  .tuple(fc.array(entry, { maxLength: 5 }), fc.constantFrom(1, 1, 30), blanks)
  .map(
    ([entries, times, space]) => `${space}[${space}${Array(times).fill(entries).flat().join(`,${space}`)}]`,
  )
  .filter((json) => json.length < 3_000_000);

/** Changes one byte, removes some, or truncates the text. */
const damage = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  kind: fc.constantFrom("none", "set", "set", "remove", "cut"),
  byte: fc.constantFrom(0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d, 0x3a, 0x20, 0x00, 0x80, 0xf0, 0x31),
});
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;
function damaged(whole: Uint8Array, { at, kind, byte }: Damage): Uint8Array {
  const index = Math.floor(at * whole.length);
  if (kind === "set") {
    const copy = Uint8Array.from(whole);
    copy[index] = byte;
    return copy;
  }
  if (kind === "remove") return Buffer.concat([whole.subarray(0, index), whole.subarray(index + 3)]);
  return kind === "cut" ? whole.subarray(0, index) : whole;
}

test("decodes JSON in steps like at once, with any corrupt byte", {
  timeout: 120_000,
}, () => {
  fc.assert(
    fc.property(batch, damage, (json, how) => {
      const message = damaged(bytes(json), how);
      const atOnce = outcome(() => decodeJson(lossyTextOf(message), MAX_ENTRIES));
      expect(outcome(() => runAtOnce(decodeJsonSteps(message, MAX_ENTRIES)))).toEqual(atOnce);
    }),
    { numRuns: 200 },
  );
});

test("decodes MessagePack in steps like entry by entry, with any corrupt byte", () => {
  const data = fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc.string({ maxLength: 20 }),
    fc.constant("é".repeat(20_000)),
  );
  const one = fc.tuple(
    fc.constant("s"),
    fc.constant(null),
    data,
    fc.option(fc.dictionary(fc.string(), data)),
  );
  fc.assert(
    fc.property(fc.array(one, { maxLength: 5 }), damage, (entries, how) => {
      const message = damaged(encode(entries), how);
      const atOnce = outcome(() => decodeMsgpack(message, MAX_ENTRIES));
      expect(outcome(() => runAtOnce(decodeMsgpackSteps(message, MAX_ENTRIES)))).toEqual(atOnce);
    }),
  );
});

/** Number of steps of a decoder, and its result. */
function stepsOf(work: Generator<void, unknown>): { steps: number; end: unknown } {
  for (let steps = 1; ; steps++) {
    try {
      const step = work.next();
      if (step.done) return { steps, end: step.value };
    } catch (error) {
      if (error instanceof GatewayError) return { steps, end: error.code };
      throw error;
    }
  }
}

test.each([
  ["one long string", `[["s",null,"${"x".repeat(4_000_000)}"]]`],
  ["one long string of escapes", `[["s",null,"${"\\n".repeat(2_000_000)}"]]`],
  ["one long base64", `[["s",null,{"base64":"${"A".repeat(4_000_000)}"}]]`],
  [
    "one entry with many fields",
    `[["s",null,"",{${Array.from({ length: 4000 }, (_, i) => `"${i}":"${"y".repeat(1000)}"`)}}]]`,
  ],
  [
    "one field with many values",
    `[["s",null,"",{"f":[${Array.from({ length: 4000 }, () => `"${"y".repeat(1000)}"`)}]}]]`,
  ],
  ["blanks", `${" ".repeat(2_000_000)}[]${" ".repeat(2_000_000)}`],
])("decodes long JSON in many short steps: %s", (_, json) => {
  const { steps, end } = stepsOf(decodeJsonSteps(bytes(json), 10_000));
  expect(Array.isArray(end)).toBe(true);
  expect(steps).toBeGreaterThan(30);
});

test("stops at the limit of values", () => {
  const json = bytes(`[${"[],".repeat(1_000_000)}[]]`);
  const { steps, end } = stepsOf(decodeJsonSteps(json, MAX_ENTRIES));
  expect(end).toBe("TOO_LARGE");
  // It stops after about 17,000 values of 3 million bytes.
  expect(steps).toBeLessThan(3);
});

test.each([
  ["json", (count: number) => bytes(JSON.stringify([["s", null, "", { f: Array(count).fill("") }]]))],
  ["msgpack", (count: number) => encode([["s", null, "", { f: Array(count).fill("") }]])],
] as const)("counts each value of a repeated field as a field: %s", (format, batchOf) => {
  const decoder = createPushDecoder({ format, offsets: "auto", streams: ["s"], maxEntries: 10_000 });
  expect(decoder.message(batchOf(4096), format === "msgpack")).toHaveLength(1);
  expect(() => decoder.message(batchOf(4097), format === "msgpack")).toThrow(
    "an entry must have at most 4096 fields",
  );
  const long = batchOf(500_000);
  expect(() => runAtOnce(decoder.steps(long, format === "msgpack"))).toThrow(
    format === "json" ? "an entry must have at most 4096 fields" : "an entry must have at most 12293 values",
  );
});

test("a long string of invalid bytes becomes longer than it was received", () => {
  const invalid = Buffer.alloc(400_000, 0xff);
  const batch = Buffer.concat([bytes('[["s",null,"'), invalid, bytes('é"]]')]);
  const [entry] = runAtOnce(decodeJsonSteps(batch, 10));
  expect(entry?.data.length).toBe(3 * invalid.length + 2);
  expect(lossyTextOf(entry?.data ?? new Uint8Array(0))).toBe(`${"\ufffd".repeat(invalid.length)}é`);
});

test("parses a long header in steps and splits its payload", () => {
  const count = 5000;
  const decoder = createPushDecoder({
    format: "header",
    offsets: "end",
    streams: ["s"],
    maxEntries: 10_000,
  });
  const header = bytes(JSON.stringify(Array.from({ length: count }, (_, i) => ["sensor", null, i + 1])));
  expect(decoder.isLong(header, false)).toBe(true);
  expect(runAtOnce(decoder.steps(header, false))).toBeUndefined();
  const payload = new Uint8Array(count).fill(7);
  const entries = decoder.message(payload, true);
  expect(entries).toHaveLength(count);
  expect(entries?.[count - 1]).toEqual({ stream: "sensor", id: "*", data: new Uint8Array([7]) });
});

test("takes a long posted object or map as one entry, at any depth", () => {
  const deep = (depth: number): unknown => (depth === 0 ? Array(20_000).fill(1.5) : { a: deep(depth - 1) });
  const object = { deep: deep(20), list: Array.from({ length: 100_000 }, (_, i) => i) };
  expect(decodeJsonBody(bytes(JSON.stringify(object)), 10_000)).toBeUndefined();
  expect(runAtOnce(decodeJsonBodySteps(bytes(JSON.stringify(object)), 10_000))).toBeUndefined();
  const map = encode(object);
  expect(runAtOnce(decodeMsgpackBodySteps(map, 10))).toBeUndefined();
  expect(() => runAtOnce(decodeMsgpackBodySteps(map.subarray(0, -1), 10))).toThrow("ends inside a value");
});

test("rejects a long stream id with its limit", () => {
  const batch = bytes(JSON.stringify([["a".repeat(600_000), null, "x"]]));
  expect(() => runAtOnce(decodeJsonSteps(batch, 10))).toThrow(
    "stream id must be UTF-8 text of 1 to MAX_NAME_BYTES bytes, got 600000 bytes",
  );
});
