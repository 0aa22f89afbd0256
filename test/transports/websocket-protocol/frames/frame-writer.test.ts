/** Messages of the gateway as frames. The reference encoder follows RFC 6455, section 5.2. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  binaryFrame,
  createFrameWriter,
} from "../../../../src/transports/websocket-protocol/frames/frame-writer.ts";

type Message = readonly ["text" | "ascii", string] | readonly ["binary", Uint8Array];

function byTheBook(messages: readonly Message[]): Buffer {
  return Buffer.concat(
    messages.flatMap(([kind, content]) => {
      const payload = Buffer.from(content);
      const { length } = payload;
      const head = Buffer.alloc(length < 126 ? 2 : length < 65536 ? 4 : 10);
      head[0] = kind === "binary" ? 0x82 : 0x81;
      head[1] = length < 126 ? length : length < 65536 ? 126 : 127;
      if (head.length === 4) head.writeUInt16BE(length, 2);
      if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
      return [head, payload];
    }),
  );
}

function written(messages: readonly Message[], capacityBytes: number): Buffer {
  const out = createFrameWriter(capacityBytes);
  for (const [kind, content] of messages) {
    if (kind === "binary") out.binary([content]);
    else out[kind](content);
  }
  const { parts, bytes } = out.take();
  const all = Buffer.concat(parts);
  expect(bytes).toBe(all.length);
  return all;
}

const lengths = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.constantFrom(125, 126, 8191, 8192, 65535, 65536),
);
const message: fc.Arbitrary<Message> = fc.oneof(
  lengths.map((length): Message => ["ascii", "0-1,".repeat(length).slice(0, length)]),
  fc.string({ unit: "grapheme", maxLength: 80 }).map((text): Message => ["text", text]),
  lengths.map((length): Message => ["binary", new Uint8Array(length).fill(0xf0)]),
);

test("messages of all kinds and lengths are written in order", () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 30 }),
      fc.integer({ min: 0, max: 1000 }),
      (messages, capacity) => {
        expect(written(messages, capacity).equals(byTheBook(messages))).toBe(true);
      },
    ),
  );
});

test("thousands of short messages fit, whatever the capacity", () => {
  const messages = Array.from({ length: 5000 }, (_, i): Message => ["ascii", `["${i}-0"]`]);
  expect(written(messages, 0).equals(byTheBook(messages))).toBe(true);
});

test.each([0, 1, 125, 126, 1024, 8191])("a single message of %d bytes is one frame", (length) => {
  const payload = Buffer.from(Array.from({ length }, (_, i) => i % 251));
  const { parts, bytes } = binaryFrame(payload);
  expect(parts).toHaveLength(1);
  expect(Buffer.concat(parts)).toEqual(byTheBook([["binary", payload]]));
  expect(bytes).toBe(parts[0]?.length);
});
