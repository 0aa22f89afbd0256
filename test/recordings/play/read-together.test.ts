/** Reading of files whose streams are far apart. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { McapConstants } from "@mcap/core";
import { afterAll, expect, test } from "vitest";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import { compareIds, idOf } from "../../../src/domain/streams/entry-id.ts";
import { COMPRESSIONS, openCompression } from "../../../src/recordings/compression.ts";
import { openRecording, type RecordingRange } from "../../../src/recordings/files/read-recording.ts";
import { ENTRY_BYTES } from "../../../src/recordings/files/stream-window.ts";
import { mergeById } from "../../../src/recordings/play/merge.ts";
import { planReading, readTogether } from "../../../src/recordings/play/read-together.ts";
import { OpenPart } from "../../../src/recordings/play/thread/open-part.ts";
import { MESSAGE_HEAD_BYTES, RECORD_HEAD_BYTES } from "../../../src/wire/mcap/chunk-records.ts";
import { NO_COMPRESSION } from "../../../src/wire/mcap/mcap-writer.ts";
import { bytesOfText } from "../../../src/wire/utf8.ts";
import { type KeyedEntry, writeFile } from "../../support/data/mcap.ts";

const folder = mkdtempSync(join(tmpdir(), "read-together-"));
afterAll(() => rmSync(folder, { recursive: true }));

const MIB = 2 ** 20;
const CHUNKS = 20;
/** More than is read together. */
const LARGE = 4 * MIB;

/** Chunk `i` has an entry of `rover:fast`, and one of `rover:slow` that is `apart` ms older. Sequences of the latter exceed those of log times. */
function store(name: string, apart: number, bytes: number, compression = NO_COMPRESSION): string {
  const entries = Array.from({ length: CHUNKS }, (_, i): readonly KeyedEntry[] => [
    ["rover:fast", { id: idOf(BigInt(1000 + apart + i), 0n), data: Buffer.alloc(bytes, i) }],
    [
      "rover:slow",
      {
        ...{ id: idOf(BigInt(1000 + i), 5_000_000n), data: bytesOfText(`${i}`) },
        fields: new Map([["n", bytesOfText(`${i}`)]]),
      },
    ],
  ]).flat();
  const path = join(folder, name);
  writeFileSync(path, writeFile(entries, { perChunk: 2, compression }));
  return path;
}

/** Reads a range. @returns the entries in short, and how they were read */
async function read(path: string, range: RecordingRange = {}) {
  await using file = await openRecording(path);
  const { sources, bytes } = await planReading([file], range);
  const entries: string[] = [];
  for await (const { stream, entry } of readTogether([file], range))
    entries.push(`${stream.stream} ${entry.id} ${entry.data[0]} ${entry.fields?.get("n") ?? ""}`);
  return { entries, sources: sources.length, mib: Math.round(bytes / MIB) };
}

const NUMBERS = Array.from({ length: CHUNKS }, (_, i) => i);
const slow = (i: number) => `slow ${1000 + i}-5000000 ${`${i}`.charCodeAt(0)} ${bytesOfText(`${i}`)}`;
const fast = (i: number, apart: number) => `fast ${1000 + apart + i}-0 ${i} `;

test("streams that are near each other are read together", async () => {
  expect(await read(store("near.mcap", 0, LARGE))).toEqual({
    entries: NUMBERS.flatMap((i) => [fast(i, 0), slow(i)]),
    ...{ sources: 1, mib: 4 },
  });
});

test("streams that are far apart are read one beside the other, without all their chunks in memory", async () => {
  const path = store("far.mcap", 10_000, LARGE);
  expect(await read(path)).toEqual({
    entries: [...NUMBERS.map(slow), ...NUMBERS.map((i) => fast(i, 10_000))],
    ...{ sources: 2, mib: 64 },
  });
  expect((await read(path, { fromMs: 1001, toMs: 11_010 })).entries).toEqual([
    ...NUMBERS.slice(1).map(slow),
    ...NUMBERS.slice(0, 11).map((i) => fast(i, 10_000)),
  ]);
});

test("streams that are far apart in a small file are read together, which reads each chunk once", async () => {
  expect(await read(store("small.mcap", 10_000, 1000))).toEqual({
    entries: [...NUMBERS.map(slow), ...NUMBERS.map((i) => fast(i, 10_000))],
    ...{ sources: 1, mib: 0 },
  });
});

test("more streams than chunks fit in memory are read by parts of chunks", async () => {
  const streams = 28;
  const perStream = 5;
  // Each stream has a chunk of its own, and all of them begin and end at the same time.
  const written = Array.from({ length: streams * perStream }, (_, i): KeyedEntry => {
    const [stream, at] = [Math.floor(i / perStream), i % perStream];
    const fields = new Map([["n", bytesOfText(`${i}`)]]);
    return [
      `rover:${stream}`,
      { id: idOf(BigInt(1000 + at), BigInt(stream)), data: Buffer.alloc(MIB / 2, i), fields },
    ];
  });
  const path = join(folder, "many.mcap");
  writeFileSync(path, writeFile(written, { perChunk: perStream }));
  await using file = await openRecording(path);
  const shown = ({ id, data, fields }: Entry) =>
    `${id} ${data.length} ${data[0]} ${data.at(-1)} ${fields?.get("n")}`;
  const expected = written.map(([, entry]) => entry).sort((a, b) => compareIds(a.id, b.id));
  const read = async (maxBytes: number) => {
    const { sources, bytes } = await planReading([file], {}, maxBytes);
    const entries: string[] = [];
    for await (const { entry } of mergeById(sources, ({ entry }) => entry.id)) entries.push(shown(entry));
    return { entries, sources: sources.length, mib: Math.round(bytes / MIB) };
  };
  const entries = expected.map(shown);
  expect(await read(128 * MIB)).toEqual({ entries, sources: 1, mib: 70 });
  expect(await read(50 * MIB)).toEqual({ entries, sources: streams, mib: 64 });
  // The size states all that windows may have: 32 MiB of chunks, and an entry of each stream besides its window.
  expect(await read(66 * MIB)).toEqual({ entries, sources: streams, mib: 66 });
  // Less than an entry of each stream is not possible. The size states it, and everything can be read.
  expect(await read(18 * MIB)).toEqual({ entries, sources: streams, mib: 64 });
});

/** Stores entries of several streams at the same time, each in a chunk of its own. */
async function storeAtOnce(name: string, streams: number, bytes: number): Promise<string> {
  const compression = await openCompression("zstd");
  const [id, data] = [idOf(1000n, 0n), Buffer.alloc(bytes)];
  const entries = Array.from({ length: streams }, (_, i): KeyedEntry => [`rover:${i}`, { id, data }]);
  const path = join(folder, name);
  writeFileSync(path, writeFile(entries, { perChunk: 1, compression }));
  return path;
}

test.each(COMPRESSIONS)("entries of a window do not keep their chunk in memory (%s)", async (name) => {
  const path = join(folder, `window-${name}.mcap`);
  const written = Array.from({ length: 5 }, (_, i): KeyedEntry => {
    // Larger than what Node takes from its pool of buffers.
    return ["rover:s", { id: idOf(BigInt(i), 0n), data: Buffer.alloc(40_000, i) }];
  });
  const compression = await openCompression(name);
  writeFileSync(path, writeFile(written, { perChunk: written.length, compression }));
  await using file = await openRecording(path);
  const sizes: number[] = [];
  for await (const { entry } of file.readStream("rover:s", {}, 80_000))
    sizes.push(entry.data.buffer.byteLength);
  // The payload and its wrapping.
  expect(sizes.map((bytes) => Math.floor(bytes / 1000))).toEqual(written.map(() => 40));
});

test("a part is rejected when it is opened if the entries of its streams exceed the limit together", async () => {
  const paths = [await storeAtOnce("rejected.mcap", 50, 6 * MIB)];
  const open = async (streams: number) => {
    const keys = Array.from({ length: streams }, (_, i) => `rover:${i}`);
    const part = await OpenPart.open({ paths, keys, fromMs: 1000, toMs: 1000 });
    try {
      return (await part.facts()).bytes;
    } finally {
      await part.close();
    }
  };
  await expect(open(50)).rejects.toThrow(
    "the streams are far apart in the files, or their entries are large, so that 301 MiB of them would be in memory; at most 256 MiB are possible: select fewer streams, or a shorter time",
  );
  // 241 MiB, and two batches with one entry.
  expect(Math.ceil((await open(40)) / MIB)).toBe(252);
});

test("files whose streams are far apart share the memory of the chunks that are kept", async () => {
  // 80 MiB of chunks share a moment in each file.
  const path = store("one-of-many.mcap", 10_000, LARGE, await openCompression("zstd"));
  const bytesOf = async (files: number) => {
    const paths = Array.from({ length: files }, () => path);
    const keys = ["rover:fast", "rover:slow"];
    const part = await OpenPart.open({ paths, keys, fromMs: 1000, toMs: 1000 + 10_000 + CHUNKS });
    try {
      return (await part.facts()).bytes;
    } finally {
      await part.close();
    }
  };
  // A chunk of each stream, and 32 MiB of further chunks.
  expect(Math.round((await bytesOf(12)) / MIB)).toBe(12 * 2 * 4 + 32);
});

test("a chunk of more than is kept counts with its size", async () => {
  const data = Buffer.alloc(MIB);
  const perChunk = 80;
  const written = ["rover:a", "rover:b"].flatMap((key) =>
    Array.from({ length: perChunk }, (_, i): KeyedEntry => [key, { id: idOf(BigInt(1000 + i), 0n), data }]),
  );
  const path = join(folder, "large-chunks.mcap");
  writeFileSync(path, writeFile(written, { perChunk, compression: await openCompression("zstd") }));
  await using file = await openRecording(path);
  const { sources, bytes } = await planReading([file], {}, 10 * MIB);
  // A window and an entry of each stream, and the chunk.
  expect([sources.length, Math.floor(bytes / MIB)]).toEqual([2, 82]);
});

test("an entry that is larger than a batch counts for each batch in memory", async () => {
  const paths = [await storeAtOnce("large-entry.mcap", 1, 20 * MIB)];
  const part = await OpenPart.open({ paths, keys: ["rover:0"], fromMs: 1000, toMs: 1000 });
  const { bytes } = await part.facts();
  await part.close();
  // Its chunk, and two batches besides the usual ones of 256 KiB.
  expect(Math.round((bytes / MIB) * 10) / 10).toBe(20 + 2 * 19.75);
});

test("the index of a file states the largest entry of each stream", async () => {
  const entries = [7, 3, 300, 20, 100, 5].map(
    (bytes, i): KeyedEntry => [`rover:${i % 2}`, { id: idOf(BigInt(i), 0n), data: Buffer.alloc(bytes, 255) }],
  );
  const path = join(folder, "sizes.mcap");
  writeFileSync(path, writeFile(entries, { perChunk: 3 }));
  await using file = await openRecording(path);
  const sizesOf = async (range: RecordingRange) =>
    [...(await file.largestEntries(range))].map(([key, bytes]) => [key, bytes - ENTRY_BYTES]);
  const head = RECORD_HEAD_BYTES + MESSAGE_HEAD_BYTES;
  expect(await sizesOf({})).toEqual([
    ["rover:0", 300 + head],
    ["rover:1", 20 + head],
  ]);
  expect(await sizesOf({ fromMs: 3, selects: ({ stream }) => stream.stream === "0" })).toEqual([
    ["rover:0", 100 + head],
  ]);
});

test("a damaged index is an error", async () => {
  const path = join(folder, "damaged-index.mcap");
  const data = Buffer.alloc(100, 255);
  const bytes = Buffer.from(writeFile([["rover:s", { id: idOf(1n, 0n), data }]], { perChunk: 1 }));
  const at = bytes.indexOf(data) + data.length;
  expect(bytes[at]).toBe(McapConstants.Opcode.MESSAGE_INDEX);
  // Length of the positions, after the channel.
  bytes.writeUInt32LE(1600, at + RECORD_HEAD_BYTES + 2);
  writeFileSync(path, bytes);
  await using file = await openRecording(path);
  await expect(file.largestEntries()).rejects.toThrow(/^the index of the chunk at byte \d+ is damaged$/);
});

test("a damaged chunk is an error", async () => {
  const path = join(folder, "damaged.mcap");
  const bytes = writeFile([["rover:s", { id: idOf(1n, 0n), data: Buffer.alloc(MIB) }]], {
    perChunk: 1,
  }).slice();
  bytes.fill(1, MIB / 2, MIB / 2 + 100);
  writeFileSync(path, bytes);
  await using file = await openRecording(path);
  await expect(file.readStream("rover:s").next()).rejects.toThrow(
    /chunk at byte \d+ is damaged: its checksum/,
  );
});
