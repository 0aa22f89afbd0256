/** Reading of files whose streams are far apart. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { idOf } from "../../../src/domain/streams/entry-id.ts";
import { openRecording, type RecordingRange } from "../../../src/recordings/files/read-recording.ts";
import { planReading, readTogether } from "../../../src/recordings/play/read-together.ts";
import { bytesOfText } from "../../../src/wire/utf8.ts";
import { type KeyedEntry, writeFile } from "../../support/data/mcap.ts";

const folder = mkdtempSync(join(tmpdir(), "read-together-"));
afterAll(() => rmSync(folder, { recursive: true }));

const MIB = 2 ** 20;
const CHUNKS = 20;
/** More than is read together. */
const LARGE = 4 * MIB;

/** Chunk `i` has an entry of `rover:fast`, and one of `rover:slow` that is `apart` ms older. Sequences of the latter exceed those of log times. */
function store(name: string, apart: number, bytes: number): string {
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
  writeFileSync(path, writeFile(entries, { perChunk: 2 }));
  return path;
}

/** Reads a range. @returns the entries in short, and how they were read */
async function read(path: string, range: RecordingRange = {}) {
  await using file = await openRecording(path);
  const { sources, bytes } = planReading([file], range);
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
