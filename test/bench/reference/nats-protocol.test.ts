import fc from "fast-check";
import { expect, test } from "vitest";
import { createParser } from "../../../bench/reference/nats/protocol.ts";

interface Seen {
  readonly lines: string[];
  readonly messages: (readonly [length: number, start: string])[];
}

/** Parses bytes in steps of the given lengths, each in a buffer that is overwritten afterwards, as a socket does. */
function parse(bytes: Buffer, steps: readonly number[], wholePayloads: boolean): Seen {
  const seen: Seen = { lines: [], messages: [] };
  const receive = createParser(
    {
      message: (chunk, start, length) => {
        const shown = wholePayloads ? length : Math.min(length, 16);
        seen.messages.push([length, chunk.toString("latin1", start, start + shown)]);
      },
      line: (text) => seen.lines.push(text),
    },
    { wholePayloads },
  );
  let from = 0;
  for (const step of [...steps, bytes.length]) {
    const chunk = Buffer.from(bytes.subarray(from, from + step));
    receive(chunk, 0, chunk.length);
    chunk.fill("M");
    from += step;
  }
  return seen;
}

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ minLength: 100, maxLength: 5000, size: "max" }),
);
const operation = fc.oneof(
  fc.record({ payload, reply: fc.constantFrom("", "_INBOX.1 ") }),
  fc.constantFrom("PING", "PONG", "+OK", 'INFO {"max_payload":1048576}'),
);

test.each([false, true])(
  "parses messages and lines with chunk boundaries at any offset (whole: %s)",
  (whole) => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 100 }),
        (operations, steps) => {
          const bytes = Buffer.concat(
            operations.map((one) =>
              typeof one === "string"
                ? Buffer.from(`${one}\r\n`)
                : Buffer.concat([
                    Buffer.from(`MSG any.subject 7 ${one.reply}${one.payload.length}\r\n`),
                    one.payload,
                    Buffer.from("\r\n"),
                  ]),
            ),
          );
          expect(parse(bytes, steps, whole)).toEqual({
            lines: operations.filter((one) => typeof one === "string"),
            messages: operations
              .filter((one) => typeof one !== "string")
              .map((one) => {
                const text = Buffer.from(one.payload).toString("latin1");
                return [one.payload.length, whole ? text : text.slice(0, 16)];
              }),
          });
        },
      ),
    );
  },
);

test("parses messages that arrive byte by byte", () => {
  const bytes = Buffer.from("MSG a 1 5\r\nhello\r\nPING\r\nMSG a 1 0\r\n\r\n");
  expect(parse(bytes, Array(bytes.length).fill(1), false)).toEqual({
    lines: ["PING"],
    messages: [
      [5, "hello"],
      [0, ""],
    ],
  });
});

test("rejects a message without a length", () => {
  expect(() => parse(Buffer.from("MSG a 1 x\r\n"), [], false)).toThrow("invalid length");
});
