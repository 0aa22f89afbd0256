import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry, EntryFields } from "../../../src/domain/streams/entry.ts";
import { compareIds, type EntryId, idOf } from "../../../src/domain/streams/entry-id.ts";
import { liveChannelOf } from "../../../src/wire/foxglove/live-channel.ts";
import { bytesOfText } from "../../../src/wire/utf8.ts";
import { type KeyedEntry, readFile, writeFile } from "../../support/data/mcap.ts";

const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 1, 2, 3);
const U64 = 2n ** 64n - 1n;

const ids = fc.oneof(
  fc.tuple(fc.bigInt(1_700_000_000_000n, 1_700_000_000_050n), fc.bigInt(0n, 3n)),
  fc.tuple(fc.bigInt(1_700_000_000_000n, 1_700_000_000_003n), fc.bigInt(999_998n, 1_000_002n)),
  fc.tuple(fc.bigInt(1n, U64), fc.bigInt(0n, U64)),
);
const payloads = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constant(JPEG),
  fc.string().map(bytesOfText),
  fc.json().map(bytesOfText),
  fc.object().map((value) => encode(value)),
  fc.constant(new Uint8Array()),
);
const names = fc.oneof(fc.string(), fc.constantFrom("1", "0", "__proto__", "id"));
const values = fc.oneof(fc.uint8Array({ maxLength: 10 }), fc.string().map(bytesOfText));
const fields: fc.Arbitrary<EntryFields | undefined> = fc.option(
  fc
    .array(fc.tuple(names, fc.oneof(values, fc.array(values, { minLength: 2, maxLength: 3 }))), {
      minLength: 1,
    })
    .map((members) => new Map(members)),
  { nil: undefined },
);

const METAS = {
  "rover:cam": { contentType: "image/jpeg", frameId: "camera" },
  "rover:mic": { contentType: "audio/L16;rate=16000;channels=1" },
  "rover:log": { contentType: "text/plain" },
  "rover:imu": {
    contentType: "application/json",
    schema: { name: "Imu", encoding: "jsonschema", data: "{}" },
  },
  "rover:video": { contentType: "video/h264" },
  "rover:any": undefined,
  alone: { title: "no device" },
  ":event": undefined,
};

const entries = fc
  .array(fc.record({ key: fc.constantFrom(...Object.keys(METAS)), id: ids, data: payloads, fields }), {
    maxLength: 40,
  })
  .map((all) => {
    const seen = new Set<string>();
    return all
      .map(({ key, id: [ms, seq], data, fields }): KeyedEntry => {
        const entry: Entry = { id: idOf(ms, seq), data, ...(fields && { fields }) };
        return [key, entry];
      })
      .filter(([key, { id }]) => !seen.has(`${key} ${id}`) && seen.add(`${key} ${id}`))
      .sort(([, a], [, b]) => compareIds(a.id, b.id));
  });

/** The entries of each stream, comparable. */
function byStream(all: readonly KeyedEntry[]): unknown {
  const streams: Record<string, unknown[]> = {};
  for (const [key, { id, data, fields }] of all) {
    const list = streams[key] ?? [];
    streams[key] = list;
    list.push([
      id,
      Buffer.from(data).toString("hex"),
      fields && [...fields].map(([name, value]) => [name, hex(value)]),
    ]);
  }
  return streams;
}

const hex = (value: Uint8Array | readonly Uint8Array[]): unknown =>
  value instanceof Uint8Array
    ? Buffer.from(value).toString("hex")
    : value.map((one) => Buffer.from(one).toString("hex"));

describe("an MCAP file", () => {
  it("restores every entry, as read by @mcap/core with all checksums", async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.integer({ min: 1, max: 9 }), async (written, perChunk) => {
        const { entries: read } = await readFile(writeFile(written, { perChunk, metas: METAS }));
        expect(byStream(read.map(({ stream, entry }) => [stream.key, entry]))).toEqual(byStream(written));
      }),
      { numRuns: 200 },
    );
  });

  it("indexes chunks of thousands of messages", async () => {
    const written = Array.from({ length: 5000 }, (_, i): KeyedEntry => {
      const id = idOf(1_700_000_000_000n + BigInt(i), 0n);
      return [`a:${i % 7}`, { id, data: bytesOfText(`entry ${i}`) }];
    });
    const { entries: read, reader } = await readFile(writeFile(written, { perChunk: 2200 }));
    expect(byStream(read.map(({ stream, entry }) => [stream.key, entry]))).toEqual(byStream(written));
    expect([...(reader.statistics?.channelMessageCounts.values() ?? [])].sort()).toEqual([
      ...Array(5).fill(714n),
      ...Array(2).fill(715n),
    ]);
  });

  it("wraps payloads as live channels do", async () => {
    const id = "1700000000000-7" as EntryId;
    const metas = { ...METAS, "rover:front": { contentType: "image/jpeg" } };
    const wrapped = ["rover:cam", "rover:front", "rover:mic", "rover:log", "rover:video", "alone"];
    const entry: Entry = { id, data: JPEG };
    const { reader } = await readFile(
      writeFile(
        wrapped.map((key) => [key, entry]),
        { metas },
      ),
    );
    const messages: Record<string, string> = {};
    for await (const { channelId, data } of reader.readMessages())
      messages[reader.channelsById.get(channelId)?.topic ?? ""] = hex(data) as string;
    const live = wrapped.map((key) => {
      const channel = liveChannelOf({ key, meta: Reflect.get(metas, key), samples: [entry] });
      return [channel?.topic, Buffer.concat(channel?.encode(entry) ?? []).toString("hex")];
    });
    expect(messages).toEqual(Object.fromEntries(live));
  });

  it("describes its channels for viewers", async () => {
    const data = JPEG;
    const id = "1700000000000-7" as EntryId;
    const { reader } = await readFile(
      writeFile(
        Object.keys(METAS).map((key) => [key, { id, data: key === "rover:imu" ? bytesOfText("{}") : data }]),
        {
          metas: METAS,
        },
      ),
    );
    const channels = [...reader.channelsById.values()].map(
      ({ topic, messageEncoding, schemaId, metadata }) => [
        topic,
        messageEncoding,
        reader.schemasById.get(schemaId)?.name,
        metadata.get("redis.key"),
      ],
    );
    expect(channels).toEqual([
      ["/rover/cam", "protobuf", "foxglove.CompressedImage", "rover:cam"],
      ["/rover/mic", "protobuf", "foxglove.RawAudio", "rover:mic"],
      ["/rover/log", "protobuf", "foxglove.Log", "rover:log"],
      ["/rover/imu", "json", "Imu", "rover:imu"],
      ["/rover/video", "protobuf", "foxglove.CompressedVideo", "rover:video"],
      ["/rover/any", "protobuf", "foxglove.CompressedImage", "rover:any"],
      ["/alone", "protobuf", "foxglove.CompressedImage", "alone"],
      ["//event", "protobuf", "foxglove.CompressedImage", ":event"],
    ]);
    expect(reader.statistics).toMatchObject({ messageCount: 8n, channelCount: 8, chunkCount: 3 });
    expect(reader.header.library).toBe("test");
    for await (const { logTime, publishTime } of reader.readMessages())
      expect([logTime, publishTime]).toEqual([1_700_000_000_000_000_007n, 1_700_000_000_000_000_007n]);
  });

  it("opens a further channel if the kind of payloads or the metadata changes", async () => {
    const at = (n: number) => idOf(1_700_000_000_000n, BigInt(n));
    const { entries: read, reader } = await readFile(
      writeFile([
        ["a:b", { id: at(1), data: JPEG }],
        ["a:b", { id: at(2), data: bytesOfText("hello") }],
        [
          "a:b",
          { id: at(3), data: JPEG, fields: new Map([["content-type", bytesOfText("application/pdf")]]) },
        ],
      ]),
    );
    expect([...reader.channelsById.values()].map(({ topic }) => topic)).toEqual(
      ["/a/b", "/a/b", "/a/b", "/a/b/fields"].sort(),
    );
    expect(read.map(({ entry }) => entry.id)).toEqual([at(1), at(2), at(3)]);
    expect(read[2]?.entry.fields).toEqual(new Map([["content-type", bytesOfText("application/pdf")]]));
  });
});
