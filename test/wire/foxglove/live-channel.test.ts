import { encode } from "@msgpack/msgpack";
import { expect, test } from "vitest";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import { liveChannelOf } from "../../../src/wire/foxglove/live-channel.ts";
import { bytesOfText } from "../../../src/wire/utf8.ts";
import { decodeMessage } from "../../support/data/foxglove.ts";

const entryOf = (data: Uint8Array | string): Entry => ({
  id: "5-0" as EntryId,
  data: typeof data === "string" ? bytesOfText(data) : data,
});
const channelOf = (meta: unknown, ...samples: readonly (Uint8Array | string)[]) =>
  liveChannelOf({ key: "rover:imu", meta, samples: samples.map(entryOf) });
const shown = (channel: ReturnType<typeof channelOf>, data: Uint8Array | string) => {
  const pieces = channel?.encode(entryOf(data));
  return pieces && Buffer.concat(pieces).toString();
};

test("infers the schema of JSON from its samples", () => {
  const channel = channelOf(
    null,
    '{"a":1,"b":{"c":"x"},"d":null}',
    '{"a":2,"e":[1,2],"f":[[1]],"g":[{"h":true}]}',
  );
  expect(channel).toMatchObject({
    topic: "/rover/imu",
    encoding: "json",
    schemaName: "rover.imu",
    schemaEncoding: "jsonschema",
    isImage: false,
  });
  expect(JSON.parse(channel?.schema ?? "")).toEqual({
    type: "object",
    properties: {
      a: { type: "number" },
      b: { type: "object", properties: { c: { type: "string" } } },
      e: { type: "array", items: { type: "number" } },
      g: { type: "array", items: { type: "object", properties: { h: { type: "boolean" } } } },
    },
  });
  expect(shown(channel, ' {"a":1}')).toBe(' {"a":1}');
});

test("leaves members of several types out of the schema", () => {
  const schema = '{"type":"object","properties":{"b":{"type":"number"}}}';
  expect(channelOf(null, '{"a":1,"b":1}', '{"a":"x","b":2}')?.schema).toBe(schema);
  expect(channelOf(null, '{"a":1,"b":1}', '{"a":"x"}', '{"a":2}')?.schema).toBe(schema);
  expect(channelOf(null, '{"__proto__":{"x":1}}')?.schema).toBe(
    '{"type":"object","properties":{"__proto__":{"type":"object","properties":{"x":{"type":"number"}}}}}',
  );
});

test("wraps numbers, lists and texts", () => {
  const channel = channelOf({ contentType: "application/json" }, "21.5");
  expect(channel?.schema).toBe('{"type":"object","properties":{"value":{"type":"number"}}}');
  for (const value of ["21.5", "[1,2]", '"x"', "true", "null", " -1"])
    expect(shown(channel, value)).toBe(`{"value":${value}}`);
  expect(shown(channel, "hello")).toBeUndefined();
  expect(shown(channel, "")).toBeUndefined();
});

test("transcodes MessagePack, with what JSON lacks", () => {
  const channel = channelOf(
    null,
    encode({ x: 1.5, id: 2n ** 60n, raw: new Uint8Array(3) }, { useBigInt64: true }),
  );
  expect(channel).toMatchObject({ encoding: "json", schemaEncoding: "jsonschema" });
  expect(
    JSON.parse(
      shown(channel, encode({ x: 1.5, id: 2n ** 60n, raw: new Uint8Array(3) }, { useBigInt64: true })) ?? "",
    ),
  ).toEqual({
    x: 1.5,
    id: "1152921504606846976",
    raw: "3 bytes",
  });
  expect(shown(channel, encode([1, 2]))).toBe('{"value":[1,2]}');
  expect(shown(channel, Uint8Array.of(0xc1))).toBeUndefined();
  expect(shown(channel, encode(new Uint8Array(300_000)))).toBeUndefined();
});

test("advertises a declared schema, and describes the wrapper of other values", () => {
  const data = '{"type":"object","properties":{"x":{"type":"number"}}}';
  const schema = { name: "Imu", encoding: "jsonschema", data };
  expect(channelOf({ schema }, "{}")).toMatchObject({ schemaName: "Imu", schema: data });
  const list = { name: "L", encoding: "jsonschema", data: '{"type":"array","items":{"type":"number"}}' };
  expect(channelOf({ schema: list }, "[1]")?.schema).toBe(
    '{"type":"object","properties":{"value":{"type":"array","items":{"type":"number"}}}}',
  );
});

test("images have the frame that is declared, or their stream", () => {
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff);
  for (const [meta, frameId] of [
    [{ frameId: "front" }, "front"],
    [null, "imu"],
  ] as const) {
    const channel = channelOf(meta, jpeg);
    expect(channel?.isImage).toBe(true);
    const message = Buffer.concat(channel?.encode(entryOf(jpeg)) ?? []);
    expect(decodeMessage(channel?.schemaName ?? "", channel?.schema ?? "", message)).toMatchObject({
      frameId,
      format: "jpeg",
    });
  }
});

test("an id stands for topic, encoding and schema", () => {
  const first = channelOf(null, '{"a":1}');
  expect(channelOf(null, '{"a":7}')?.id).toBe(first?.id);
  expect(channelOf(null, '{"b":1}')?.id).not.toBe(first?.id);
  expect(liveChannelOf({ key: "rover:gps", meta: null, samples: [entryOf('{"a":1}')] })?.id).not.toBe(
    first?.id,
  );
  const [msg, idl] = ["ros2msg", "ros2idl"].map((encoding) =>
    channelOf({ schema: { name: "Imu", encoding, data: "" } }, Uint8Array.of(0, 1)),
  );
  expect([msg?.encoding, idl?.encoding]).toEqual(["cdr", "cdr"]);
  expect(msg?.id).not.toBe(idl?.id);
});

test("content that cannot be shown has no channel", () => {
  expect(channelOf(null, Uint8Array.of(0, 1, 2))).toBeUndefined();
  expect(channelOf(null)).toBeUndefined();
});
