/** Metadata in the channels of a file is limited, however often it changes, and however many kinds of payloads a stream has. */
import { McapIndexedReader } from "@mcap/core";
import { expect, test } from "vitest";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import { EntryWriter, UNREAD_RECORD } from "../../../src/wire/mcap/entry-writer.ts";
import { McapWriter, NO_COMPRESSION } from "../../../src/wire/mcap/mcap-writer.ts";
import { readableOf } from "../../support/data/mcap.ts";

const MIB = 1024 * 1024;

/** Writes a file in which the metadata of a stream changes before each entry. */
async function written(changes: number, characters: number) {
  const pieces: Uint8Array[] = [];
  const onBytes = (bytes: Uint8Array) => void pieces.push(bytes.slice());
  const file = new McapWriter({ library: "test", compression: NO_COMPRESSION, onBytes });
  const writer = new EntryWriter(file);
  for (let i = 0; i < changes; i++) {
    writer.describe(
      "a:b",
      JSON.stringify({ contentType: "image/png", title: `${i}`, note: "x".repeat(characters) }),
    );
    writer.add("a:b", { id: `${i + 1}-0` as EntryId, data: new Uint8Array([i]) });
  }
  file.end();
  return McapIndexedReader.Initialize({ readable: readableOf(Buffer.concat(pieces)) });
}

test("a file has all metadata while there is room", async () => {
  const { channelsById, metadataIndexes } = await written(20, 1000);
  expect([...channelsById.values()].filter(({ metadata }) => metadata.has("meta")).length).toBe(20);
  expect(metadataIndexes).toEqual([]);
});

test("further channels lack it, with their content type, and the file states that", async () => {
  const { channelsById, metadataIndexes } = await written(20, MIB);
  const channels = [...channelsById.values()];
  expect(channels.filter(({ metadata }) => metadata.has("meta")).length).toBe(7);
  expect(channels.map(({ metadata }) => metadata.get("contentType"))).toEqual(
    new Array(20).fill("image/png"),
  );
  expect(metadataIndexes.map(({ name }) => name)).toEqual(new Array(13).fill(UNREAD_RECORD));
});
