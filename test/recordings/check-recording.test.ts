/** The check of a whole file reports each problem. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { McapConstants } from "@mcap/core";
import { afterAll, describe, expect, it } from "vitest";
import { idOf } from "../../src/domain/streams/entry-id.ts";
import { openRecording } from "../../src/recordings/files/read-recording.ts";
import { RECORD_HEAD_BYTES } from "../../src/wire/mcap/chunk-records.ts";
import { checksumInScript, McapWriter, NO_COMPRESSION } from "../../src/wire/mcap/mcap-writer.ts";
import { bytesOfText } from "../../src/wire/utf8.ts";
import { type KeyedEntry, writeFile } from "../support/data/mcap.ts";

const { Opcode, MCAP_MAGIC } = McapConstants;
const folder = mkdtempSync(join(tmpdir(), "check-recording-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function problemsIn(bytes: Uint8Array): Promise<readonly string[]> {
  const path = join(folder, "checked.mcap");
  writeFileSync(path, bytes);
  await using recording = await openRecording(path);
  const problems: string[] = [];
  await recording.check(new AbortController().signal, (line) => problems.push(line));
  return problems;
}

const ENTRIES = Array.from({ length: 12 }, (_, i): KeyedEntry => {
  const entry = { id: idOf(BigInt(1000 + i), 0n), data: bytesOfText(`entry ${i}`) };
  return ["rover:log", i % 2 === 0 ? entry : { ...entry, fields: new Map([["unit", bytesOfText("m")]]) }];
});

/** Returns the positions of the contents of all records of a kind. */
function places(bytes: Uint8Array, kind: number): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: number[] = [];
  for (let at = MCAP_MAGIC.length; at + RECORD_HEAD_BYTES < bytes.length; ) {
    if (view.getUint8(at) === kind) found.push(at + RECORD_HEAD_BYTES);
    at += RECORD_HEAD_BYTES + Number(view.getBigUint64(at + 1, true));
  }
  return found;
}

/** Sets the checksums of the data, and of the chunks, to "none". */
function withoutChecksums(bytes: Uint8Array): Uint8Array {
  const plain = bytes.slice();
  for (const at of places(plain, Opcode.DATA_END)) plain.fill(0, at, at + 4);
  for (const at of places(plain, Opcode.CHUNK)) plain.fill(0, at + 24, at + 28);
  return plain;
}

const dataProblem = expect.stringMatching(/^the data before byte \d+ is damaged: its checksum differs from/);

describe("a check", () => {
  it("finds no problem in a whole file, with or without checksums", async () => {
    const bytes = writeFile(ENTRIES);
    expect(await problemsIn(bytes)).toEqual([]);
    expect(await problemsIn(withoutChecksums(bytes))).toEqual([]);
  });

  it("finds one byte that differs outside of chunks, if the data has a checksum", async () => {
    const bytes = writeFile(ENTRIES, { metas: { "rover:log": { place: "roof" } } }).slice();
    // The channel before the first chunk, not that of the summary.
    const at = Buffer.from(bytes).indexOf("roof");
    bytes[at] = 0x52;
    expect(at).toBeLessThan(places(bytes, Opcode.CHUNK)[0] ?? 0);
    expect(await problemsIn(bytes)).toEqual([dataProblem]);
    expect(await problemsIn(withoutChecksums(bytes))).toEqual([]);
  });

  it("reports every damaged chunk, and the others are read", async () => {
    const bytes = writeFile(ENTRIES).slice();
    const [first = 0, , third = 0] = places(bytes, Opcode.CHUNK);
    for (const at of [first, third]) bytes[at + 80] = (bytes[at + 80] ?? 0) ^ 1;
    expect(await problemsIn(bytes)).toEqual([
      `the chunk at byte ${first - RECORD_HEAD_BYTES} is damaged: its checksum differs`,
      `the chunk at byte ${third - RECORD_HEAD_BYTES} is damaged: its checksum differs`,
      dataProblem,
    ]);
  });

  it("reports messages that cannot be decoded, one line for each channel", async () => {
    const bytes = Buffer.from(withoutChecksums(writeFile(ENTRIES)));
    // The lengths of the messages of foxglove.Log, and the beginning of JSON.
    for (const text of ["entry 0", "entry 1", "entry 10"]) bytes[bytes.indexOf(text) - 1] = 0x7f;
    bytes[bytes.indexOf('{"fields"')] = 0x20;
    const problems = await problemsIn(bytes);
    const first = /the first one is at byte \d+ of the records of the chunk at byte \d+$/;
    expect(problems).toEqual([
      expect.stringMatching(/^3 messages of rover:log cannot be decoded; /),
      expect.stringMatching(/^1 message of rover:log cannot be decoded; /),
    ]);
    for (const problem of problems) expect(problem).toMatch(first);
  });

  it("reports messages of a channel that the file does not have", async () => {
    const pieces: Uint8Array[] = [];
    const file = new McapWriter({
      ...{ library: "test", compression: NO_COMPRESSION, checksum: checksumInScript },
      onBytes: (bytes) => pieces.push(bytes.slice()),
    });
    file.addMessage({ channelId: 9, sequence: 0, logTime: 1n, publishTime: 1n, data: [bytesOfText("lost")] });
    file.end();
    expect(await problemsIn(Buffer.concat(pieces))).toEqual([
      expect.stringMatching(/^1 message of the unknown channel 9 cannot be decoded/),
    ]);
  });

  it("reports statistics that state another number of messages", async () => {
    const bytes = withoutChecksums(writeFile(ENTRIES));
    const [at = 0] = places(bytes, Opcode.STATISTICS);
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(at, 99n, true);
    // The checksum of the summary covers them.
    bytes.fill(0, bytes.length - MCAP_MAGIC.length - 4, bytes.length - MCAP_MAGIC.length);
    expect(await problemsIn(bytes)).toEqual(["the statistics state 99 messages, but the chunks have 18"]);
  });
});
