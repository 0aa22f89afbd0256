/** Reading files of recordings. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { McapIndexedReader, type McapTypes } from "@mcap/core";
import { afterAll, describe, expect, it } from "vitest";
import { idOf } from "../../src/domain/streams/entry-id.ts";
import { openCompression } from "../../src/recordings/compression.ts";
import { openDecompression } from "../../src/recordings/decompression.ts";
import { ChunkCache, ChunkMemory } from "../../src/recordings/files/chunk-cache.ts";
import { readFileFacts } from "../../src/recordings/files/file-facts.ts";
import {
  openRecording,
  type RecordingRange,
  RecordingReader,
} from "../../src/recordings/files/read-recording.ts";
import { readableOf } from "../../src/recordings/files/readable-file.ts";
import { recoverFile } from "../../src/recordings/files/recover-file.ts";
import { RECORD_HEAD_BYTES } from "../../src/wire/mcap/chunk-records.ts";
import { bytesOfText } from "../../src/wire/utf8.ts";
import { type KeyedEntry, writeFile } from "../support/data/mcap.ts";

const folder = mkdtempSync(join(tmpdir(), "read-recording-"));
afterAll(() => rmSync(folder, { recursive: true }));

const ENTRIES = Array.from({ length: 40 }, (_, i): KeyedEntry => {
  const key = i % 2 === 0 ? "rover:imu" : "rover:log";
  return [key, { id: idOf(BigInt(1000 + i), 0n), data: bytesOfText(`entry ${i}`) }];
});

function store(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function idsIn(path: string, range?: RecordingRange): Promise<readonly string[]> {
  await using recording = await openRecording(path);
  const ids: string[] = [];
  for await (const { entry } of recording.read(range)) ids.push(entry.id);
  return ids;
}

async function problemsIn(path: string): Promise<readonly string[]> {
  await using recording = await openRecording(path);
  const problems: string[] = [];
  await recording.check(new AbortController().signal, (line) => problems.push(line));
  return problems;
}

describe("a recording", () => {
  it("describes its channels, and yields its entries in order", async () => {
    const path = store("whole.mcap", writeFile(ENTRIES));
    await using recording = await openRecording(path);
    expect(recording).toMatchObject({
      ...{ isFinished: true, entries: 40, library: "test", span: { fromMs: 1000, toMs: 1039 } },
      channels: [
        { topic: "/rover/imu", stream: { key: "rover:imu" }, entries: 20, schema: "foxglove.Log" },
        { topic: "/rover/log", stream: { key: "rover:log" }, entries: 20 },
      ],
    });
    expect(await idsIn(path)).toEqual(ENTRIES.map(([, { id }]) => id));
  });

  it("yields a range of the streams that are selected", async () => {
    const path = store("range.mcap", writeFile(ENTRIES));
    const range = {
      fromMs: 1010,
      toMs: 1014,
      selects: ({ topic }: { topic: string }) => topic === "/rover/imu",
    };
    expect(await idsIn(path, range)).toEqual(["1010-0", "1012-0", "1014-0"]);
    expect(await idsIn(path, { selects: () => false })).toEqual([]);
  });

  it("without its end has the entries up to its last whole chunk", async () => {
    const path = store("cut.mcap", writeFile(ENTRIES, { isEnded: false, perChunk: 4 }));
    truncateSync(path, writeFile(ENTRIES.slice(0, 36), { isEnded: false, perChunk: 4 }).length + 30);
    await using recording = await openRecording(path);
    expect([recording.isFinished, recording.entries]).toEqual([false, 36]);
    expect(await idsIn(path)).toEqual(ENTRIES.slice(0, 36).map(([, { id }]) => id));
  });

  it.each([
    ["empty", new Uint8Array(), "is not an MCAP file"],
    ["of another kind", bytesOfText("PK and so on, a file of another kind"), "is not an MCAP file"],
  ])("that is %s is rejected", async (_, bytes, message) => {
    await expect(openRecording(store("bad.mcap", bytes))).rejects.toThrow(message);
  });

  it("is checked in the order of the file, which reads each chunk once", async () => {
    // The streams are far apart.
    const written = [...ENTRIES.filter((_, i) => i % 2 === 0), ...ENTRIES.filter((_, i) => i % 2 === 1)];
    const compression = await openCompression("zstd");
    const path = store("check.mcap", writeFile(written, { perChunk: 5, compression }));
    await using file = await open(path);
    const { zstd } = await openDecompression();
    const problems: string[] = [];
    let chunks = 0;
    const decompressHandlers: McapTypes.DecompressHandlers = {
      zstd: (bytes, size) => {
        chunks++;
        return zstd?.(bytes, size) ?? bytes;
      },
    };
    const readable = readableOf(file);
    const reader = await McapIndexedReader.Initialize({ readable });
    const cache = new ChunkCache(readable, decompressHandlers, new ChunkMemory());
    await new RecordingReader(file, reader, cache, 0, true).check(new AbortController().signal, (line) =>
      problems.push(line),
    );
    expect(problems).toEqual([]);
    expect(chunks).toBe(8);
  });

  it.each([
    ["the position of a message", 14, "does not state the message at byte 0"],
    ["a message more", 2, "is damaged"],
  ])("whose index has %s is damaged", async (_, offset, message) => {
    const bytes = writeFile(ENTRIES.slice(0, 1), { perChunk: 1 }).slice();
    const whole = store("index.mcap", bytes);
    await using file = await open(whole);
    const readable = readableOf(file);
    const [chunk] = (await McapIndexedReader.Initialize({ readable })).chunkIndexes;
    const index = Number(chunk?.chunkStartOffset) + Number(chunk?.chunkLength);
    expect(await problemsIn(whole)).toEqual([]);
    bytes[index + RECORD_HEAD_BYTES + offset] = 32;
    writeFileSync(whole, bytes);
    expect(await problemsIn(whole)).toContainEqual(expect.stringContaining(message));
  });

  it("is read in the order of times, however its chunks overlap", async () => {
    const times = [3, 1, 9, 3, 3, 8, 2, 7, 7, 4, 3, 0];
    const written = times.map(
      (time, i): KeyedEntry => [
        "rover:any",
        { id: idOf(BigInt(1000 + time), 0n), data: bytesOfText(String(i)) },
      ],
    );
    const path = store("overlap.mcap", writeFile(written, { perChunk: 3 }));
    await using recording = await openRecording(path);
    const order: number[] = [];
    for await (const { entry } of recording.read()) order.push(Number(Buffer.from(entry.data).toString()));
    // Entries of the same time are in the order of the file.
    expect(order).toEqual([11, 1, 6, 0, 3, 4, 10, 9, 7, 8, 5, 2]);
  });

  it("with a chunk whose index states another size is not read", async () => {
    const bytes = writeFile(ENTRIES, { perChunk: 40, compression: await openCompression("zstd") }).slice();
    const whole = store("size.mcap", bytes);
    await using file = await open(whole);
    const [chunk] = (await McapIndexedReader.Initialize({ readable: readableOf(file) })).chunkIndexes;
    // The size follows two times.
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(
      Number(chunk?.chunkStartOffset) + RECORD_HEAD_BYTES + 16,
      2n ** 32n,
      true,
    );
    writeFileSync(whole, bytes);
    await expect(idsIn(whole)).rejects.toThrow(`the chunk at byte ${chunk?.chunkStartOffset} is damaged`);
  });

  it("with a damaged chunk is not read as if it were whole", async () => {
    const bytes = writeFile(ENTRIES, { perChunk: 40 }).slice();
    bytes.fill(0, 2000, 2020);
    await expect(idsIn(store("damaged.mcap", bytes))).rejects.toThrow();
  });
});

describe("the last id of a stream", () => {
  it("is that of its last entry in the file, whatever its time can represent", async () => {
    const at = (key: string, ms: bigint, seq: bigint): KeyedEntry => [
      key,
      { id: idOf(ms, seq), data: bytesOfText("{}") },
    ];
    const path = store(
      "last.mcap",
      writeFile(
        [
          at("a:early", 5n, 1n),
          at("a:large", 6n, 1_000_000n),
          at("a:large", 6n, 2_000_000n),
          at("a:again", 9n, 0n),
          // The stream was deleted and created again.
          at("a:again", 7n, 5n),
          at("a:far", 2n ** 62n, 3n),
        ],
        { perChunk: 2, isEnded: false },
      ),
    );
    await recoverFile(path);
    const facts = await readFileFacts(path);
    expect([...facts.lastIds]).toEqual([
      ["a:early", "5-1"],
      ["a:large", "6-2000000"],
      ["a:again", "7-5"],
      ["a:far", `${2n ** 62n}-3`],
    ]);
    expect(facts).toMatchObject({ entries: 6, gapCount: 0 });
  });
});
