/** MCAP files in memory: written by the code under test, and read by `@mcap/core`. */
import { McapIndexedReader, type McapTypes } from "@mcap/core";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import { nativeChecksum } from "../../../src/recordings/compression.ts";
import { EntryDecoder, type RecordedEntry } from "../../../src/wire/mcap/entry-decoder.ts";
import { EntryWriter } from "../../../src/wire/mcap/entry-writer.ts";
import { type Compression, McapWriter, NO_COMPRESSION } from "../../../src/wire/mcap/mcap-writer.ts";

/** A file in memory. */
export const readableOf = (bytes: Uint8Array): McapTypes.IReadable => ({
  size: async () => BigInt(bytes.length),
  read: async (offset, size) => bytes.slice(Number(offset), Number(offset + size)),
});

/** A stream key with an entry. */
export type KeyedEntry = readonly [key: string, entry: Entry];

/** Writes a file, in chunks of a number of entries. @returns its bytes as they were written */
export function writeFile(
  entries: readonly KeyedEntry[],
  {
    perChunk = 3,
    metas = {},
    compression = NO_COMPRESSION,
    isEnded = true,
  }: {
    readonly perChunk?: number;
    readonly metas?: Readonly<Record<string, unknown>>;
    readonly compression?: Compression;
    readonly isEnded?: boolean;
  } = {},
): Uint8Array {
  const pieces: Uint8Array[] = [];
  const file = new McapWriter({
    library: "test",
    compression,
    checksum: nativeChecksum,
    onBytes: (bytes) => pieces.push(bytes.slice()),
  });
  const writer = new EntryWriter(file);
  for (const [key, meta] of Object.entries(metas)) writer.describe(key, JSON.stringify(meta));
  entries.forEach(([key, entry], i) => {
    writer.add(key, entry);
    if (i % perChunk === perChunk - 1) file.closeChunk();
  });
  if (isEnded) file.end();
  else file.closeChunk();
  return Buffer.concat(pieces);
}

/** Reads all entries with the indexed reader, in the order of their times, and checks all checksums. */
export async function readFile(
  bytes: Uint8Array,
  decompressHandlers: McapTypes.DecompressHandlers = {},
): Promise<{ readonly entries: readonly RecordedEntry[]; readonly reader: McapIndexedReader }> {
  const reader = await McapIndexedReader.Initialize({ readable: readableOf(bytes), decompressHandlers });
  const decoder = new EntryDecoder();
  for (const channel of reader.channelsById.values())
    decoder.open(channel, reader.schemasById.get(channel.schemaId));
  const entries: RecordedEntry[] = [];
  for await (const message of reader.readMessages({ validateCrcs: true })) {
    const entry = decoder.decode(message);
    if (entry !== undefined)
      entries.push({ ...entry, entry: { ...entry.entry, data: entry.entry.data.slice() } });
  }
  return { entries, reader };
}
