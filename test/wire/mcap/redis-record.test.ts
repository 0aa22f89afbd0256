import { McapWriter } from "@mcap/core";
import { expect, it } from "vitest";
import { bytesOfText } from "../../../src/wire/utf8.ts";
import { readFile } from "../../support/data/mcap.ts";

it("reads files of redis-record, whose publish times are seconds · 10^10", async () => {
  const pieces: Uint8Array[] = [];
  let size = 0n;
  const file = new McapWriter({
    writable: {
      async write(bytes) {
        pieces.push(bytes.slice());
        size += BigInt(bytes.length);
      },
      position: () => size,
    },
  });
  await file.start({ profile: "", library: "redis-record" });
  const schemaId = await file.registerSchema({
    name: "data",
    encoding: "jsonschema",
    data: bytesOfText("{}"),
  });
  const channelId = await file.registerChannel({
    ...{ schemaId, topic: "glasses:main", messageEncoding: "json", metadata: new Map<string, string>() },
  });
  const add = (seconds: number, data: Readonly<Record<string, string>>) => {
    const time = BigInt(seconds * 10_000) * 1_000_000n;
    return file.addMessage({
      ...{ channelId, sequence: 0, logTime: time, publishTime: time },
      data: bytesOfText(JSON.stringify({ stream_id: "main", data })),
    });
  };
  await add(1_700_000_000.25, { d: Buffer.from("one").toString("base64") });
  await add(1_700_000_000.25, {
    d: Buffer.from("two").toString("base64"),
    x: Buffer.from("y").toString("base64"),
  });
  await file.end();
  const { entries } = await readFile(Buffer.concat(pieces));
  expect(
    entries.map(({ stream, entry }) => [stream.key, entry.id, String(Buffer.from(entry.data)), entry.fields]),
  ).toEqual([
    ["glasses:main", "1700000000250-0", "one", undefined],
    ["glasses:main", "1700000000250-1", "two", new Map([["x", bytesOfText("y")]])],
  ]);
});
