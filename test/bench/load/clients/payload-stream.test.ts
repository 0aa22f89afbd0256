import fc from "fast-check";
import { expect, test } from "vitest";
import { createPayloadStream } from "../../../../bench/load/clients/payload-stream.ts";
import { serverFrame } from "./server-frame.ts";

const BINARY = 2;

test("joins the payloads of frames with chunk boundaries at any offset", () => {
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.uint8Array({ minLength: 120, maxLength: 130 }),
    fc.uint8Array({ minLength: 65_530, maxLength: 65_540, size: "max" }),
  );
  fc.assert(
    fc.property(
      fc.array(payload, { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 50_000 }), { maxLength: 30 }),
      (payloads, steps) => {
        const bodies = payloads.map((one) => Buffer.from(one));
        const bytes = Buffer.concat(bodies.map((body) => serverFrame(BINARY, body)));
        const seen: Buffer[] = [];
        const receive = createPayloadStream((chunk, from, to) =>
          seen.push(Buffer.from(chunk.subarray(from, to))),
        );
        let from = 0;
        for (const step of [...steps, bytes.length]) {
          const to = Math.min(bytes.length, from + step);
          receive(bytes, from, to);
          from = to;
        }
        expect(Buffer.concat(seen).equals(Buffer.concat(bodies))).toBe(true);
      },
    ),
    { numRuns: 30 },
  );
});

test("rejects a masked frame, a compressed one and the end of the connection", () => {
  const receive = (first: number, second: number) => () =>
    createPayloadStream(() => {})(Buffer.from([first, second, 0]), 0, 3);
  expect(receive(0x82, 0x81)).toThrow("masked");
  expect(receive(0xc2, 0x01)).toThrow("extended");
  expect(receive(0x88, 0x00)).toThrow("closed");
});
