import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GatewayError } from "../../src/domain/errors.ts";
import type { PushedEntry } from "../../src/wire/push-batch.ts";
import { createPushDecoder, type PushDecoderOptions } from "../../src/wire/push-decoder.ts";
import { rejectionOf } from "../support/rejection.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const open = (options: Partial<PushDecoderOptions> = {}) =>
  createPushDecoder({ format: "header", offsets: "auto", streams: ["s"], maxEntries: 10, ...options });
const shown = (entries: readonly PushedEntry[] | undefined) =>
  entries?.map(({ stream, id, data }) => `${stream} ${id} ${new TextDecoder().decode(data)}`);
/** WebSocket close code of the rejection. */
function closeOf(action: () => unknown): number {
  try {
    action();
  } catch (error) {
    if (error instanceof GatewayError) return error.kind.close;
    throw error;
  }
  throw new Error("it was not rejected");
}

describe("`header=1`: a JSON text header, then one binary payload", () => {
  test("decodes batch after batch", () => {
    const decoder = open();
    for (const payload of ["abc", "xyz"]) {
      expect(decoder.awaitsPayload()).toBe(false);
      expect(decoder.message(bytes("[1,3]"), false)).toBeUndefined();
      expect(decoder.awaitsPayload()).toBe(true);
      expect(shown(decoder.message(bytes(payload), true))).toEqual([
        `s * ${payload.slice(0, 1)}`,
        `s * ${payload.slice(1)}`,
      ]);
    }
  });

  test("applies the URL's streams, offsets and limit to the header", () => {
    const decoder = open({ streams: ["x", "y"], offsets: "end", maxEntries: 2 });
    decoder.message(bytes("[0,1]"), false);
    expect(shown(decoder.message(bytes("a"), true))).toEqual(["x * ", "y * a"]);
    expect(rejectionOf(() => decoder.message(bytes("[1,2,3]"), false))).toBe(
      "TOO_LARGE: a batch must have at most 2 entries, got 3",
    );
  });

  test.each([
    ["a binary message first", "[3]", true, 1003, "a binary message where a JSON text header was expected"],
    ["a text that is no header", "hello", false, 1008, "header is not valid JSON"],
    ["a header of another shape", "{}", false, 1008, "header must be a JSON list, got {…}"],
  ])("%s", (_, message, isBinary, close, problem) => {
    expect(rejectionOf(() => open().message(bytes(message), isBinary))).toContain(`: ${problem}`);
    expect(closeOf(() => open().message(bytes(message), isBinary))).toBe(close);
  });

  test.each([
    [
      "“a header without its payload”",
      "[4]",
      1008,
      "expected the payload of the previous header, got another header",
    ],
    [
      "the same with space before it",
      "\n [4]",
      1008,
      "expected the payload of the previous header, got another header",
    ],
    ["a text for a payload", "abc", 1003, "a text message where the binary payload was expected"],
    ["an empty text", "", 1003, "a text message where the binary payload was expected"],
  ])("after a header, %s", (_, message, close, problem) => {
    const decoder = open();
    decoder.message(bytes("[3]"), false);
    expect(rejectionOf(() => decoder.message(bytes(message), false))).toContain(`: ${problem}`);
    expect(closeOf(() => decoder.message(bytes(message), false))).toBe(close);
  });

  test("rejects a payload that does not match its header", () => {
    const decoder = open();
    decoder.message(bytes("[3]"), false);
    expect(closeOf(() => decoder.message(bytes("ab"), true))).toBe(1008);
  });
});

describe("`header=0`: each message is one entry", () => {
  test("accepts binary and text messages", () => {
    const decoder = open({ format: "raw" });
    expect(decoder.message(Uint8Array.of(0xff, 0), true)).toEqual([
      { stream: "s", id: "*", data: Uint8Array.of(0xff, 0) },
    ]);
    expect(decoder.message(bytes("[3]"), false)).toEqual([{ stream: "s", id: "*", data: bytes("[3]") }]);
    expect(decoder.message(bytes(""), false)).toEqual([{ stream: "s", id: "*", data: bytes("") }]);
    expect(decoder.awaitsPayload()).toBe(false);
  });

  test("rejects several streams when the connection opens", () => {
    expect(rejectionOf(() => open({ format: "raw", streams: ["x", "y"] }))).toBe(
      "BAD_PARAMETER: header=0 requires exactly one stream, got 2",
    );
    for (const format of ["header", "msgpack", "json"] as const) open({ format, streams: ["x", "y"] });
  });
});

describe("self-describing messages", () => {
  test("`format=msgpack` requires binary messages", () => {
    const decoder = open({ format: "msgpack" });
    const message = encode([["x", null, bytes("abc")]]);
    expect(shown(decoder.message(message, true))).toEqual(["x * abc"]);
    expect(rejectionOf(() => decoder.message(message, false))).toBe(
      "WRONG_MESSAGE_KIND: a text message where a binary MessagePack message was expected",
    );
    expect(closeOf(() => decoder.message(message, false))).toBe(1003);
    expect(closeOf(() => decoder.message(bytes("{}"), true))).toBe(1008);
  });

  test("`format=json` requires text messages", () => {
    const decoder = open({ format: "json" });
    const message = bytes('[["x",null,"abc"]]');
    expect(shown(decoder.message(message, false))).toEqual(["x * abc"]);
    expect(rejectionOf(() => decoder.message(message, true))).toBe(
      "WRONG_MESSAGE_KIND: a binary message where a JSON text message was expected",
    );
    expect(closeOf(() => decoder.message(bytes("{}"), false))).toBe(1008);
  });

  test("have the same batch limit", () => {
    const batch = [["x", null, ""]];
    const two = [...batch, ...batch];
    expect(
      closeOf(() => open({ format: "json", maxEntries: 1 }).message(bytes(JSON.stringify(two)), false)),
    ).toBe(1009);
    expect(closeOf(() => open({ format: "msgpack", maxEntries: 1 }).message(encode(two), true))).toBe(1009);
  });
});

describe("property: any order of messages", () => {
  /** Headers with the payloads that match them. */
  const fits: Record<string, (length: number) => boolean> = {
    "[]": () => true,
    "[3]": (length) => length === 3,
    "[1,3]": (length) => length === 3,
    "[0,1]": (length) => length >= 1,
    '[["x",3]]': (length) => length === 3,
    // Invalid by itself, which is detected when its payload arrives.
    "[4,3]": () => false,
  };
  const message = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(...Object.keys(fits)).map((text) => ({ text })),
    },
    { weight: 6, arbitrary: fc.constant({ binary: "abc" }) },
    { weight: 1, arbitrary: fc.constantFrom("hello", "{}", "").map((text) => ({ text })) },
    { weight: 1, arbitrary: fc.constantFrom("", "ab", "abcd").map((binary) => ({ binary })) },
  );

  test("alternates between header and payload, and never returns half a batch", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
        const decoder = open();
        /** Model state: the header that waits for its payload. */
        let header: string | undefined;
        for (const one of messages) {
          expect(decoder.awaitsPayload()).toBe(header !== undefined);
          const isBinary = "binary" in one;
          const send = () => decoder.message(bytes(isBinary ? one.binary : one.text), isBinary);
          if (isBinary && header === undefined) {
            expect(closeOf(send)).toBe(1003);
            return;
          }
          if (isBinary) {
            if (!fits[header ?? ""]?.(one.binary.length)) {
              expect(closeOf(send)).toBe(1008);
              return;
            }
            expect(
              shown(send())
                ?.map((entry) => entry.split(" ")[2])
                .join(""),
            ).toBe(one.binary);
            header = undefined;
          } else if (header !== undefined) {
            expect(closeOf(send)).toBe(one.text.startsWith("[") ? 1008 : 1003);
            return;
          } else if (!one.text.startsWith("[")) {
            expect(closeOf(send)).toBe(1008);
            return;
          } else {
            expect(send()).toBeUndefined();
            header = one.text;
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("fuzz: rejects any message with an error, or decodes it, in every format", () => {
    const any = fc.tuple(
      fc.oneof(fc.json().map(bytes), fc.string().map(bytes), fc.uint8Array()),
      fc.boolean(),
    );
    const formats = fc.constantFrom<PushDecoderOptions["format"]>("header", "raw", "msgpack", "json");
    fc.assert(
      fc.property(formats, fc.array(any, { maxLength: 5 }), (format, messages) => {
        const decoder = open({ format });
        for (const [data, isBinary] of messages) {
          try {
            for (const { stream } of decoder.message(data, isBinary) ?? []) expect(stream).not.toBe("");
          } catch (error) {
            expect(error).toBeInstanceOf(GatewayError);
            return;
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
});

test.each(["json", "msgpack"] as const)("rejects an entry with too many fields: %s", (format) => {
  const decoder = createPushDecoder({ format, offsets: "auto", streams: ["s"], maxEntries: 1000 });
  const entryOf = (count: number) => {
    const batch = [
      ["s", null, "x", Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, ""]))],
    ];
    return format === "json" ? Buffer.from(JSON.stringify(batch)) : encode(batch);
  };
  const decode = (count: number) => decoder.message(entryOf(count), format === "msgpack");
  expect(decode(4096)).toHaveLength(1);
  expect(() => decode(4097)).toThrow("an entry must have at most 4096 fields");
});
