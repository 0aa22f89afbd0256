import { McapConstants } from "@mcap/core";
import { describe, expect, it } from "vitest";
import { idOf } from "../../../src/domain/streams/entry-id.ts";
import { RECORD_HEAD_BYTES } from "../../../src/wire/mcap/chunk-records.ts";
import { scanUnfinished } from "../../../src/wire/mcap/unfinished-file.ts";
import { bytesOfText } from "../../../src/wire/utf8.ts";
import { type KeyedEntry, readableOf, readFile, writeFile } from "../../support/data/mcap.ts";

const ENTRIES = Array.from({ length: 7 }, (_, i): KeyedEntry => {
  const id = idOf(1_700_000_000_000n, BigInt(i));
  return [i % 2 === 0 ? "a:even" : "a:odd", { id, data: bytesOfText(`entry ${i}`) }];
});

/** Completes a file as a recording does, and reads it. */
async function finished(bytes: Uint8Array) {
  const { isFinished, keptBytes, end } = await scanUnfinished(readableOf(bytes), {});
  return { isFinished, ...(await readFile(Buffer.concat([bytes.subarray(0, keptBytes), end]))) };
}

/** Returns the position of the checksum of the first chunk, after its times and size. */
function checksumPlace(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = McapConstants.MCAP_MAGIC.length;
  while (view.getUint8(at) !== McapConstants.Opcode.CHUNK)
    at += RECORD_HEAD_BYTES + Number(view.getBigUint64(at + 1, true));
  return at + RECORD_HEAD_BYTES + 24;
}

describe("an unfinished file", () => {
  it("has all entries of its whole chunks, wherever it was cut", async () => {
    const bytes = writeFile(ENTRIES, { perChunk: 2, isEnded: false });
    let min = 0;
    for (let size = writeFile([], { isEnded: false }).length; size <= bytes.length; size++) {
      const { entries, reader } = await finished(bytes.subarray(0, size));
      expect(entries.length).toBeGreaterThanOrEqual(min);
      min = entries.length;
      expect(entries.map(({ entry }) => entry.id)).toEqual(
        ENTRIES.slice(0, entries.length).map(([, { id }]) => id),
      );
      expect(reader.statistics?.messageCount).toBe(BigInt(entries.length));
    }
    expect(min).toBe(ENTRIES.length);
  });

  it("loses a chunk that the machine did not write to its disk, and those after it", async () => {
    const whole = writeFile(ENTRIES, { perChunk: 2, isEnded: false });
    const start = writeFile(ENTRIES.slice(0, 4), { perChunk: 2, isEnded: false }).length;
    const damaged = whole.slice().fill(0, start + 80);
    const { entries } = await finished(damaged);
    expect(entries.map(({ entry }) => entry.id)).toEqual(ENTRIES.slice(0, 4).map(([, { id }]) => id));
  });

  it("keeps chunks without a checksum", async () => {
    const bytes = writeFile(ENTRIES, { perChunk: 7, isEnded: false }).slice();
    const crc = checksumPlace(bytes);
    bytes.fill(0, crc, crc + 4);
    expect((await finished(bytes)).entries).toHaveLength(7);
  });

  it("is recognized as finished", async () => {
    const { isFinished } = await scanUnfinished(readableOf(writeFile(ENTRIES)), {});
    expect(isFinished).toBe(true);
  });

  it.each([
    ["empty", new Uint8Array()],
    ["text", bytesOfText("not a recording, but long enough to be one")],
  ])("rejects a file that is %s", async (_, bytes) => {
    await expect(scanUnfinished(readableOf(bytes), {})).rejects.toThrow("the file is not an MCAP file");
  });
});
