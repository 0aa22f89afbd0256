/** Files that the recording thread writes. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "@foxglove/crc";
import { afterAll, describe, expect, it } from "vitest";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import { idOf } from "../../../src/domain/streams/entry-id.ts";
import { openCompression } from "../../../src/recordings/compression.ts";
import { openDecompression } from "../../../src/recordings/decompression.ts";
import { packEntries } from "../../../src/recordings/entry-batch.ts";
import { SpareBuffers } from "../../../src/recordings/thread/spare-buffers.ts";
import { WrittenFile } from "../../../src/recordings/thread/written-file.ts";
import { readFile } from "../../support/data/mcap.ts";

const folder = mkdtempSync(join(tmpdir(), "written-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

const KINDS: Readonly<Record<string, (i: number) => Uint8Array>> = {
  zstd: (i) => Buffer.from(JSON.stringify({ i, text: "again and again ".repeat(2000) })),
  "": () => randomBytes(30_000),
};

const entriesOf = (dataOf: (i: number) => Uint8Array): readonly Entry[] =>
  Array.from({ length: 300 }, (_, i) => ({ id: idOf(BigInt(1000 + i), 0n), data: dataOf(i) }));

/** An entry in short, with the hash of its payload. */
const shown = ({ id, data }: Entry) => `${id} ${createHash("md5").update(data).digest("hex")}`;

/** Writes entries in batches that share their buffers. @returns the file's bytes */
async function write(entries: readonly Entry[], path: string | undefined): Promise<Uint8Array> {
  const sent: Uint8Array[] = [];
  const options = { library: "test", compression: "zstd" as const, ...(path !== undefined && { path }) };
  const file = new WrittenFile(options, await openCompression("zstd"), (bytes) => sent.push(bytes.slice()));
  const spares = new SpareBuffers();
  for (let from = 0; from < entries.length; from += 7) {
    const groups = [{ stream: "rover:any", entries: entries.slice(from, from + 7) }];
    const batch = packEntries(groups, (size) => spares.take(size));
    file.add(batch);
    new Uint8Array(batch.bytes.buffer).fill(0);
    spares.give(batch.bytes.buffer);
  }
  file.end();
  return path === undefined ? Buffer.concat(sent) : readFileSync(path);
}

describe.each([
  ["on a disk", "file.mcap"],
  ["for a client", undefined],
])("a file %s", (_name, name) => {
  it.each([
    ["compresses JSON", "zstd"],
    ["stores what zstd cannot compress as it is", ""],
  ])("%s", async (_what, compression) => {
    const entries = entriesOf(KINDS[compression] ?? (() => new Uint8Array()));
    const bytes = await write(entries, name && join(folder, `${compression}${name}`));
    const { entries: found, reader } = await readFile(bytes, await openDecompression());
    expect(new Set(reader.chunkIndexes.map((chunk) => chunk.compression))).toEqual(new Set([compression]));
    expect(reader.chunkIndexes.length).toBeGreaterThan(1);
    expect(found.map(({ entry }) => shown(entry))).toEqual(entries.map(shown));
    // The summary follows the record of the checksum, which the reader does not compare: type, length and checksum.
    const end = Number(reader.footer.summaryStart);
    expect(Buffer.from(bytes).readUInt32LE(end - 4)).toBe(crc32(bytes.subarray(0, end - 13)));
  });
});

describe("spare buffers", () => {
  it("are used again, if they are large enough", () => {
    const spares = new SpareBuffers();
    const first = spares.take(100_000);
    expect(first.byteLength).toBe(2 * 64 * 1024);
    spares.give(first);
    const larger = spares.take(first.byteLength + 1);
    expect(larger).not.toBe(first);
    expect(spares.take(first.byteLength)).toBe(first);
  });

  it("are used for the size that they fit best", () => {
    const spares = new SpareBuffers();
    const [large, small] = [spares.take(1024 * 1024), spares.take(128 * 1024)];
    for (const buffer of [large, small]) spares.give(buffer);
    expect(spares.take(100_000)).toBe(small);
    expect(spares.take(100_000)).toBe(large);
  });

  it("keep at most 8 MiB, and nothing after they are cleared", () => {
    const spares = new SpareBuffers();
    const given = Array.from({ length: 10 }, () => new ArrayBuffer(1024 * 1024));
    for (const buffer of given) spares.give(buffer);
    const taken = given.map(() => spares.take(1));
    expect(new Set(taken.filter((buffer) => given.includes(buffer)))).toEqual(new Set(given.slice(2)));
    // Memory that is not kept is freed at once.
    expect(given.map(({ byteLength }) => byteLength > 0)).toEqual(given.map((_, i) => i >= 2));
    const [last] = taken;
    if (last !== undefined) spares.give(last);
    spares.clear();
    expect(last?.byteLength).toBe(0);
  });
});
