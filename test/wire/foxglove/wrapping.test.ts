import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import type { ChannelContent } from "../../../src/wire/foxglove/channel-content.ts";
import { channelFormatOf } from "../../../src/wire/foxglove/channel-format.ts";
import { secondsOf } from "../../../src/wire/foxglove/log-time.ts";
import { bytesOfField } from "../../../src/wire/foxglove/protobuf.ts";
import { createWrapper, unwrapMessage } from "../../../src/wire/foxglove/wrapping.ts";
import { bytesOfText } from "../../../src/wire/utf8.ts";
import { anyText, entryId } from "../../support/data/arbitraries.ts";
import { decodeMessage } from "../../support/data/foxglove.ts";

const ID = "1764378000123-4" as EntryId;
const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const NAMES = { frameId: "cam", name: "rover/log" };

const hexOf = (content: ChannelContent, data: Uint8Array) =>
  Buffer.concat(createWrapper(content, NAMES)({ id: ID, data })).toString("hex");

/** Timestamp of `ID`: 1,764,378,000 s and 123,000,004 ns. */
const TIMESTAMP = "0a0b" + "08908ba9c906" + "10c4a9d33a";

test("literal bytes of every message", () => {
  const hex = (text: string) => Buffer.from(text).toString("hex");
  expect(hexOf({ kind: "image", format: "jpeg" }, PNG)).toBe(
    `${TIMESTAMP}1a03${hex("png")}2203${hex("cam")}120889504e470d0a1a0a`,
  );
  expect(hexOf({ kind: "image", format: "avif" }, Uint8Array.of(1, 2))).toBe(
    `${TIMESTAMP}1a04${hex("avif")}2203${hex("cam")}12020102`,
  );
  expect(
    hexOf({ kind: "audio", pcm: { rate: 16_000, channels: 2, format: "s16" } }, Uint8Array.of(1, 2, 3, 4)),
  ).toBe(`${TIMESTAMP}1a07${hex("pcm-s16")}25803e00002d02000000120401020304`);
  expect(
    hexOf(
      { kind: "audio", pcm: { rate: 16_000, channels: 2, format: "s16be" } },
      Uint8Array.of(1, 2, 3, 4, 5),
    ),
  ).toBe(`${TIMESTAMP}1a07${hex("pcm-s16")}25803e00002d0200000012050201040305`);
  expect(hexOf({ kind: "compressed-audio", format: "opus" }, Uint8Array.of(9))).toBe(
    `${TIMESTAMP}1a04${hex("opus")}120109`,
  );
  expect(hexOf({ kind: "video", format: "h264" }, Uint8Array.of(9))).toBe(
    `${TIMESTAMP}1203${hex("cam")}2204${hex("h264")}1a0109`,
  );
  expect(hexOf({ kind: "text" }, bytesOfText("hi"))).toBe(
    `${TIMESTAMP}10022209${hex("rover/log")}1a02${hex("hi")}`,
  );
  expect(hexOf({ kind: "text" }, new Uint8Array(0))).toBe(`${TIMESTAMP}10022209${hex("rover/log")}`);
  expect(hexOf({ kind: "bytes" }, Uint8Array.of(1))).toBe("01");
});

test("does not copy the payload", () => {
  const data = new Uint8Array(100_000);
  for (const kind of ["image", "video", "compressed-audio"] as const)
    expect(createWrapper({ kind, format: "x" }, NAMES)({ id: ID, data })[1]).toBe(data);
  expect(createWrapper({ kind: "text" }, NAMES)({ id: ID, data })[1]).toBe(data);
  expect(createWrapper({ kind: "json", schema: undefined }, NAMES)({ id: ID, data })[0]).toBe(data);
});

const wrapped: fc.Arbitrary<ChannelContent> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("image", "video", "compressed-audio"),
    format: anyText.filter((text) => text !== ""),
  }),
  fc.record({
    kind: fc.constant("audio"),
    pcm: fc.record({
      rate: fc.nat(2 ** 31 - 1),
      channels: fc.integer({ min: 1, max: 32 }),
      format: fc.constantFrom("s16", "s16be"),
    }),
  }),
) as fc.Arbitrary<ChannelContent>;

const entry: fc.Arbitrary<Entry> = fc.record({ id: entryId, data: fc.uint8Array({ maxLength: 300 }) });

describe("protobufjs", () => {
  test("decodes every message with its schema", () => {
    fc.assert(
      fc.property(wrapped, entry, anyText, (content, { id, data }, frameId) => {
        const message = Buffer.concat(createWrapper(content, { frameId, name: "n" })({ id, data }));
        const { schema } = channelFormatOf(content);
        const decoded = decodeMessage(schema?.name ?? "", schema?.data ?? "", message);
        expect(decoded.timestamp).toEqual(secondsOf(id));
        if (content.kind !== "audio") expect(new Uint8Array(decoded.data)).toEqual(data);
        if (content.kind === "image" || content.kind === "video") expect(decoded.frameId).toBe(frameId);
        if (content.kind === "video") expect(decoded.format).toBe(content.format);
        if (content.kind !== "audio") return;
        expect(decoded).toMatchObject({
          format: "pcm-s16",
          sampleRate: content.pcm.rate,
          numberOfChannels: content.pcm.channels,
        });
        expect(decoded.data).toHaveLength(data.length);
      }),
    );
  });

  test("decodes text as a log line", () => {
    fc.assert(
      fc.property(entryId, anyText, anyText, (id, text, name) => {
        const content = { kind: "text" } as const;
        const message = Buffer.concat(
          createWrapper(content, { frameId: "", name })({ id, data: bytesOfText(text) }),
        );
        const { schema } = channelFormatOf(content);
        expect(decodeMessage("foxglove.Log", schema?.data ?? "", message)).toEqual({
          timestamp: secondsOf(id),
          level: 2,
          message: text,
          name,
          file: "",
          line: 0,
        });
      }),
    );
  });
});

test("unwraps what was wrapped, whatever the payload", () => {
  const any = fc.oneof(
    wrapped,
    fc.constantFrom<ChannelContent>({ kind: "text" }, { kind: "bytes" }, { kind: "json", schema: undefined }),
  );
  fc.assert(
    fc.property(any, entry, (content, { id, data }) => {
      const message = Buffer.concat(createWrapper(content, NAMES)({ id, data }));
      expect(new Uint8Array(unwrapMessage(content, message) ?? [255])).toEqual(data);
    }),
  );
});

test("unwraps messages of other programs: any order, unknown fields, repeated fields", () => {
  const field1 = [0x0a, 2, 0x08, 5];
  const others = [0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2, 3, 4, 0x80, 0x7d, 0x96, 1];
  const message = Uint8Array.from([0x12, 1, 7, ...others, 0x12, 2, 8, 9, ...field1]);
  expect(unwrapMessage({ kind: "image", format: "png" }, message)).toEqual(Uint8Array.of(8, 9));
  expect(unwrapMessage({ kind: "image", format: "png" }, Uint8Array.from(field1))).toEqual(new Uint8Array(0));
});

test("rejects truncated messages, and never reads past the end", () => {
  const whole = Buffer.concat(createWrapper({ kind: "image", format: "x" }, NAMES)({ id: ID, data: PNG }));
  for (let length = whole.length - PNG.length - 1; length < whole.length; length++)
    expect(unwrapMessage({ kind: "image", format: "x" }, whole.subarray(0, length))).toBeUndefined();
  expect(bytesOfField(Uint8Array.of(0x13, 0x14), 2)).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(bytesOfField(bytes, 2)?.length ?? 0).toBeLessThanOrEqual(bytes.length);
    }),
  );
});
