import fc from "fast-check";
import { expect, test } from "vitest";
import { BINARY, createSplitter, HEAD_BYTES, TEXT } from "../../../../bench/load/clients/frames.ts";
import { serverFrame } from "./server-frame.ts";

const payloads = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.uint8Array({ minLength: 120, maxLength: 130 }),
    // Random bytes of this size would take most of the time.
    fc.integer({ min: 65_530, max: 65_540 }).map((size) => Uint8Array.from({ length: size }, (_, i) => i)),
  ),
  { minLength: 1, maxLength: 8 },
);

test("splits frames with chunk boundaries at any offset", () => {
  fc.assert(
    fc.property(
      payloads,
      fc.array(fc.integer({ min: 1, max: 50_000 }), { maxLength: 30 }),
      (bodies, steps) => {
        const sent = bodies.map((body, i) => ({
          opcode: i % 2 === 0 ? BINARY : TEXT,
          body: Buffer.from(body),
        }));
        const bytes = Buffer.concat(sent.map(({ opcode, body }) => serverFrame(opcode, body)));
        const seen: unknown[] = [];
        const split = createSplitter((opcode, length, chunk, head) => {
          const start = chunk.subarray(head, head + Math.min(length, HEAD_BYTES)).toString("hex");
          seen.push([opcode, length, start]);
        });
        let from = 0;
        for (const step of [...steps, bytes.length]) {
          const to = Math.min(bytes.length, from + step);
          split(bytes, from, to);
          from = to;
        }
        expect(seen).toEqual(
          sent.map(({ opcode, body }) => [opcode, body.length, body.subarray(0, HEAD_BYTES).toString("hex")]),
        );
      },
    ),
    { numRuns: 200 },
  );
});

test("splits frames that arrive byte by byte", () => {
  const bytes = Buffer.concat(
    [0, 1, 15, 16, 17, 125, 126, 200].map((n) => serverFrame(BINARY, Buffer.alloc(n, n))),
  );
  const lengths: number[] = [];
  const split = createSplitter((_opcode, length) => lengths.push(length));
  for (let at = 0; at < bytes.length; at++) split(bytes, at, at + 1);
  expect(lengths).toEqual([0, 1, 15, 16, 17, 125, 126, 200]);
});

test("rejects a fragmented frame", () => {
  const split = createSplitter(() => {});
  const bytes = Buffer.concat([Buffer.from([BINARY, 30]), Buffer.alloc(30)]);
  expect(() => split(bytes, 0, bytes.length)).toThrow("fragmented");
});
