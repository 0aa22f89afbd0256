// cspell:ignore ümläut
import fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { createCounters } from "../../../../src/observe/counters.ts";
import type { FrameReader } from "../../../../src/transports/websocket-protocol/frames/frame-reader.ts";
import type { PayloadPool } from "../../../../src/transports/websocket-protocol/memory/buffer-pool.ts";
import { createPayloadPool } from "../../../../src/transports/websocket-protocol/memory/buffer-pool.ts";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  clientClose,
  clientFrame,
  PING,
  PONG,
  TEXT,
} from "../../../support/clients/client-frames.ts";
import { collectGarbage } from "../../../support/node/garbage.ts";
import { importMasked, type MaskingKind } from "../../../support/node/masking.ts";

type Module = typeof import("../../../../src/transports/websocket-protocol/frames/frame-reader.ts");

const MAX_BYTES = 4 * 2 ** 20;

/** Received messages and control frames, as strings. */
interface Received {
  readonly reader: FrameReader;
  readonly pool: PayloadPool;
  readonly received: string[];
  readonly messages: {
    readonly bytes: Buffer;
    readonly isBinary: boolean;
    readonly memory: Buffer | undefined;
  }[];
}

function listen({ FrameReader }: Module, maxMessageBytes = MAX_BYTES): Received {
  const pool = createPayloadPool(64 * 2 ** 20, createCounters());
  const received: string[] = [];
  const messages: Received["messages"] = [];
  const reader = new FrameReader(
    { maxMessageBytes, pool },
    {
      onMessage(bytes, isBinary, memory) {
        messages.push({ bytes, isBinary, memory });
        received.push(`${isBinary ? "binary" : "text"} ${bytes.toString("latin1").slice(0, 50)}`);
      },
      onPing: (payload) => void received.push(`ping ${payload.toString("latin1")}`),
      onPong: () => void received.push("pong"),
      onClose: (code) => void received.push(`close ${code}`),
    },
  );
  return { reader, pool, received, messages };
}

/** Feeds a copy, because the reader unmasks messages in place. */
const feed = ({ reader }: Received, bytes: Uint8Array) => reader.feed(Buffer.from(bytes));

/** Generated message. */
interface Sent {
  readonly isBinary: boolean;
  readonly bytes: Buffer;
  /** Lengths of all frames but the last, and the pings between them. */
  readonly cuts: readonly number[];
  readonly mask: Uint8Array;
}

const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
  // Around the limits of the length encodings, and of messages with their own buffers.
  {
    weight: 4,
    arbitrary: fc.constantFrom(0, 125, 126, 127, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 100_000),
  },
  { weight: 1, arbitrary: fc.constantFrom(1_048_575, 1_048_577, 2_500_000) },
);

const message: fc.Arbitrary<Sent> = fc
  .record({
    isBinary: fc.boolean(),
    size,
    seed: fc.nat(250),
    cuts: fc.oneof(fc.constant([]), fc.array(fc.nat(40_000), { maxLength: 4 })),
    mask: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  })
  .map(({ size: bytes, seed, isBinary, ...rest }) => {
    const content = isBinary
      ? Buffer.from(Array.from({ length: 251 }, (_, i) => (i * 7 + seed) % 256))
      : Buffer.from(`${seed} ümläut`);
    return { ...rest, isBinary, bytes: isBinary ? Buffer.alloc(bytes, content) : textOf(content, bytes) };
  });

/** Text of about this many bytes that ends between two characters. */
const textOf = (content: Buffer, bytes: number) =>
  Buffer.concat(Array.from({ length: Math.floor(bytes / content.length) }, () => content));

/** Frames of a message, with a ping between each two of them. */
function framesOf({ isBinary, bytes, cuts, mask }: Sent): Buffer[] {
  const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
  return ends.flatMap((end, i) => {
    const frame = clientFrame({
      opcode: i > 0 ? CONTINUATION : isBinary ? BINARY : TEXT,
      payload: bytes.subarray(ends[i - 1] ?? 0, end),
      isFinal: i === ends.length - 1,
      mask,
    });
    return i === 0 ? [frame] : [clientFrame({ opcode: PING, payload: Buffer.from(String(i)), mask }), frame];
  });
}

/** Splits bytes into chunks, repeating these sizes. */
function* chunksOf(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = at + (sizes[i % sizes.length] ?? 1);
    yield Buffer.from(bytes.subarray(at, end));
    at = end;
  }
}

const chunkSizes = fc.oneof(
  // Chunk size of Node's sockets.
  fc.constant([65_536]),
  fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 70_000 })), {
    minLength: 1,
    maxLength: 8,
  }),
);

describe.each<MaskingKind>(["natively", "in JavaScript"])("unmasked %s", (kind) => {
  let module: Module;
  beforeAll(async () => {
    module = await importMasked(
      kind,
      () => import("../../../../src/transports/websocket-protocol/frames/frame-reader.ts"),
    );
  });

  test("reads any messages with any fragmentation and any chunk sizes", () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 6 }),
        chunkSizes,
        fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
        fc.constantFrom(1, 2, 7, Number.POSITIVE_INFINITY),
        (sent, sizes, areGivenBack, max) => {
          // Single bytes take too long for the largest messages.
          const whole = Buffer.concat(sent.flatMap(framesOf));
          const min = Math.ceil(whole.length / 20_000);
          const { FrameReader } = module;
          const pool = createPayloadPool(8 * 2 ** 20, createCounters());
          let come = 0;
          let pings = 0;
          /** Messages still in use, which later reads must not overwrite. */
          const used: { readonly bytes: Buffer; readonly is: Buffer }[] = [];
          const reader = new FrameReader(
            { maxMessageBytes: MAX_BYTES, pool },
            {
              onMessage(bytes, isBinary, memory) {
                const expected = sent[come++];
                expect(isBinary).toBe(expected?.isBinary);
                expect(expected !== undefined && bytes.equals(expected.bytes)).toBe(true);
                if (memory !== undefined) expect(memory.buffer).toBe(bytes.buffer);
                if (memory !== undefined && areGivenBack[come % areGivenBack.length]) pool.give(memory);
                else if (expected !== undefined) used.push({ bytes, is: expected.bytes });
              },
              onPing: () => pings++,
              onPong: () => undefined,
              onClose: () => undefined,
            },
          );
          for (const chunk of chunksOf(
            whole,
            sizes.map((one) => Math.max(one, min)),
          )) {
            // Overwrites chunks that the reader reports as unused.
            let state = reader.feed(chunk, max);
            while (state === "more") state = reader.proceed(max);
            if (state === "unused") chunk.fill(0xee);
          }
          expect(come).toBe(sent.length);
          expect(pings).toBe(sent.reduce((sum, { cuts }) => sum + cuts.length, 0));
          expect(used.every(({ bytes, is }) => bytes.equals(is))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("reads a short conversation split at any byte", () => {
    const whole = Buffer.concat([
      clientFrame({ opcode: TEXT, payload: Buffer.from("Hel"), isFinal: false }),
      clientFrame({ opcode: PING, payload: Buffer.from("are you there?") }),
      clientFrame({ opcode: CONTINUATION, payload: Buffer.from("lo") }),
      clientFrame({ opcode: BINARY, payload: Buffer.alloc(300, "b") }),
      clientFrame({ opcode: BINARY }),
      clientFrame({ opcode: PONG }),
      clientClose(1000, "bye"),
    ]);
    for (let at = 0; at <= whole.length; at++) {
      const all = listen(module);
      feed(all, whole.subarray(0, at));
      feed(all, whole.subarray(at));
      expect(all.received).toEqual([
        "ping are you there?",
        "text Hello",
        `binary ${"b".repeat(50)}`,
        "binary ",
        "pong",
        "close 1000",
      ]);
      expect(all.messages[1]?.bytes.length).toBe(300);
    }
  });
});

test("stops after the given number of frames", () => {
  const all = listen(module);
  const chunk = Buffer.concat(
    Array.from({ length: 5 }, (_, i) => clientFrame({ opcode: TEXT, payload: Buffer.from(`${i}`) })),
  );
  expect(all.reader.feed(chunk, 2)).toBe("more");
  expect(all.received).toEqual(["text 0", "text 1"]);
  expect(all.reader.proceed(2)).toBe("more");
  expect(all.reader.proceed(2)).toBe("used");
  expect(all.received).toHaveLength(5);
});

let module: Module;
let errors: typeof import("../../../../src/transports/websocket-protocol/frames/protocol-error.ts");
beforeAll(async () => {
  module = await import("../../../../src/transports/websocket-protocol/frames/frame-reader.ts");
  errors = await import("../../../../src/transports/websocket-protocol/frames/protocol-error.ts");
});

test("reads the examples of RFC 6455, section 5.7, byte by byte", () => {
  const all = listen(module);
  feed(all, Buffer.from("818537fa213d7f9f4d5158", "hex"));
  feed(all, Buffer.from("898537fa213d7f9f4d5158", "hex"));
  feed(all, Buffer.from("8a8537fa213d7f9f4d5158", "hex"));
  expect(all.received).toEqual(["text Hello", "ping Hello", "pong"]);
});

describe("reports whether a chunk is still in use", () => {
  const large = clientFrame({ opcode: BINARY, payload: Buffer.alloc(30_000, "l") });
  const small = clientFrame({ opcode: BINARY, payload: Buffer.alloc(100, "s") });

  test.each([
    ["in use: a small message", [small], ["used"]],
    ["unused: a large message", [large], ["unused"]],
    [
      "unused: parts of a large message",
      [large.subarray(0, 20_000), large.subarray(20_000)],
      ["unused", "unused"],
    ],
    ["in use: a large and a small message", [Buffer.concat([large, small])], ["used"]],
    [
      "unused: a small message that spans two chunks",
      [small.subarray(0, 50), small.subarray(50)],
      ["unused", "unused"],
    ],
    ["unused: a head that spans two chunks", [small.subarray(0, 3), small.subarray(3)], ["unused", "unused"]],
    [
      "unused: a fragment",
      [clientFrame({ opcode: TEXT, isFinal: false, payload: Buffer.from("x") })],
      ["unused"],
    ],
    ["unused: a ping", [clientFrame({ opcode: PING, payload: Buffer.from("x") })], ["unused"]],
  ])("%s", (_what, chunks, states) => {
    const all = listen(module);
    expect(chunks.map((chunk) => feed(all, chunk))).toEqual(states);
  });
});

describe("memory", () => {
  test("is allocated for received bytes, not for the announced length", () => {
    const { FrameReader } = module;
    const taken: number[] = [];
    const pool = createPayloadPool(0, createCounters());
    const counting = {
      take(bytes: number) {
        taken.push(bytes);
        return pool.take(bytes);
      },
      give: pool.give,
    };
    const handlers = { onMessage: () => undefined, onPing: () => undefined, onPong: () => undefined };
    const reader = new FrameReader(
      { maxMessageBytes: 2 ** 30, pool: counting },
      { ...handlers, onClose: () => undefined },
    );
    reader.feed(clientFrame({ opcode: BINARY, announced: 2n ** 30n - 1n }));
    expect(taken).toEqual([2 ** 20]);
    for (let i = 0; i < 40; i++) reader.feed(Buffer.alloc(65_536));
    expect(taken).toEqual([2 ** 20, 2 ** 21, 2 ** 22]);
  });

  test("of a large message belongs to the pool and is reused after it was returned", () => {
    const all = listen(module);
    const large = clientFrame({ opcode: BINARY, payload: Buffer.alloc(30_000, "l") });
    feed(all, large);
    feed(all, large);
    const [first, second] = all.messages;
    expect(first?.memory).toBeDefined();
    expect(second?.memory?.buffer).not.toBe(first?.memory?.buffer);
    if (first?.memory !== undefined) all.pool.give(first.memory);
    feed(all, large);
    expect(all.messages[2]?.memory?.buffer).toBe(first?.memory?.buffer);
  });

  test("of fragments is proportional to their bytes, even for many tiny or empty fragments", () => {
    const all = listen(module);
    feed(all, clientFrame({ opcode: BINARY, isFinal: false }));
    const empty = clientFrame({ opcode: CONTINUATION, isFinal: false });
    const byte = clientFrame({ opcode: CONTINUATION, isFinal: false, payload: Buffer.from("x") });
    // Excludes garbage of earlier tests.
    collectGarbage();
    const before = process.memoryUsage();
    for (let i = 0; i < 200; i++) {
      feed(all, Buffer.concat(Array.from({ length: 1000 }, () => empty)));
      feed(all, Buffer.concat(Array.from({ length: 100 }, () => byte)));
    }
    collectGarbage();
    const after = process.memoryUsage();
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(12 * 2 ** 20);
    feed(all, clientFrame({ opcode: CONTINUATION }));
    expect(all.messages[0]?.bytes.equals(Buffer.alloc(20_000, "x"))).toBe(true);
  });

  test("is not taken from the pool for a message of empty fragments", () => {
    const all = listen(module);
    feed(all, clientFrame({ opcode: TEXT, isFinal: false }));
    feed(all, clientFrame({ opcode: CONTINUATION, isFinal: false }));
    feed(all, clientFrame({ opcode: CONTINUATION }));
    feed(all, clientFrame({ opcode: TEXT, payload: Buffer.from("next") }));
    expect(all.received).toEqual(["text ", "text next"]);
    expect(all.messages[0]?.memory).toBeUndefined();
  });
});

describe("after messages are discarded", () => {
  const large = clientFrame({ opcode: BINARY, payload: Buffer.alloc(300_000, "l") });
  const fragments = [
    clientFrame({ opcode: TEXT, payload: Buffer.alloc(300_000, "f"), isFinal: false }),
    clientFrame({ opcode: PING, payload: Buffer.from("between") }),
    clientFrame({ opcode: CONTINUATION, payload: Buffer.alloc(30_000, "f") }),
  ];

  test.each<[string, Buffer, readonly Buffer[]]>([
    ["between frames", Buffer.alloc(0), [large, ...fragments]],
    ["within a frame", large.subarray(0, 100_000), [large.subarray(100_000), ...fragments]],
    ["within a fragmented message", Buffer.concat(fragments.slice(0, 2)), [...fragments.slice(2), large]],
  ])("no memory is taken, and control frames are handled: %s", (_, before, after) => {
    const all = listen(module);
    feed(all, before);
    all.reader.discardMessages();
    const [taken, given] = [vi.spyOn(all.pool, "take"), vi.spyOn(all.pool, "give")];
    all.reader.discardMessages();
    for (const chunk of chunksOf(Buffer.concat([...after, clientClose(1000)]), [7, 65_536])) feed(all, chunk);
    expect(taken).not.toHaveBeenCalled();
    expect(given).not.toHaveBeenCalled();
    expect(all.messages).toEqual([]);
    expect(all.received).toContain("ping between");
    expect(all.received.at(-1)).toBe("close 1000");
  });

  test("the memory of a partly received message is returned", () => {
    const all = listen(module);
    const given = vi.spyOn(all.pool, "give");
    for (const frame of fragments.slice(0, 2)) feed(all, frame);
    given.mockClear();
    all.reader.discardMessages();
    expect(given).toHaveBeenCalledOnce();
    expect(given.mock.calls[0]?.[0].length).toBeGreaterThanOrEqual(300_000);
  });
});

describe("rejects", () => {
  const text = Buffer.from("x");
  const begun = clientFrame({ opcode: TEXT, payload: text, isFinal: false });

  test.each<[string, number, readonly Buffer[]]>([
    ["the first reserved bit", 1002, [clientFrame({ opcode: TEXT, payload: text, reserved: 4 })]],
    ["the second reserved bit", 1002, [clientFrame({ opcode: TEXT, payload: text, reserved: 2 })]],
    ["the third reserved bit", 1002, [clientFrame({ opcode: TEXT, payload: text, reserved: 1 })]],
    ["a frame without a mask", 1002, [clientFrame({ opcode: TEXT, payload: text, mask: undefined })]],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, number, Buffer[]] => [
      `the opcode ${opcode}`,
      1002,
      [clientFrame({ opcode, payload: text })],
    ]),
    ["a fragmented ping", 1002, [clientFrame({ opcode: PING, isFinal: false })]],
    ["a fragmented close frame", 1002, [clientFrame({ opcode: CLOSE, isFinal: false })]],
    ["a ping of 126 bytes", 1002, [clientFrame({ opcode: PING, payload: Buffer.alloc(126) })]],
    ["a pong of 70,000 bytes", 1002, [clientFrame({ opcode: PONG, payload: Buffer.alloc(70_000) })]],
    ["a continuation frame without a message", 1002, [clientFrame({ opcode: CONTINUATION, payload: text })]],
    [
      "a new message within a fragmented message",
      1002,
      [begun, clientFrame({ opcode: BINARY, payload: text })],
    ],
    [
      "a continuation frame after the end of a message",
      1002,
      [begun, clientFrame({ opcode: CONTINUATION }), clientFrame({ opcode: CONTINUATION })],
    ],
    ["a message over the limit", 1009, [clientFrame({ opcode: BINARY, payload: Buffer.alloc(1001) })]],
    ["an announced length over the limit", 1009, [clientFrame({ opcode: BINARY, announced: 1001n })]],
    ["the greatest announced length", 1009, [clientFrame({ opcode: BINARY, announced: 2n ** 64n - 1n })]],
    [
      "fragments over the limit",
      1009,
      [
        clientFrame({ opcode: BINARY, isFinal: false, payload: Buffer.alloc(600) }),
        clientFrame({ opcode: CONTINUATION, isFinal: false, payload: Buffer.alloc(400) }),
        clientFrame({ opcode: CONTINUATION, payload: text }),
      ],
    ],
    ["text that is not UTF-8", 1007, [clientFrame({ opcode: TEXT, payload: Buffer.from("ff", "hex") })]],
    [
      "text that ends within a character",
      1007,
      [clientFrame({ opcode: TEXT, payload: Buffer.from("c3", "hex") })],
    ],
    ["text with a surrogate", 1007, [clientFrame({ opcode: TEXT, payload: Buffer.from("eda080", "hex") })]],
    ["a close frame of one byte", 1002, [clientFrame({ opcode: CLOSE, payload: text })]],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map(
      (code): [string, number, Buffer[]] => [`the close code ${code}`, 1002, [clientClose(code)]],
    ),
    [
      "a close reason that is not UTF-8",
      1007,
      [clientFrame({ opcode: CLOSE, payload: Buffer.from("03e8ff", "hex") })],
    ],
  ])("%s: %i", (_what, closeCode, frames) => {
    const whole = Buffer.concat(frames);
    // In one chunk, and byte by byte.
    for (const sizes of [[whole.length], [1]]) {
      const all = listen(module, 1000);
      let thrown: unknown;
      try {
        for (const chunk of chunksOf(whole, sizes)) all.reader.feed(chunk);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(errors.ProtocolError);
      expect(thrown).toMatchObject({ closeCode, message: expect.stringMatching(/^[A-Z_]+: ./) });
      expect(all.received).toEqual(all.received.filter((one) => one === "text x"));
    }
  });

  test("and delivers messages before the violation", () => {
    const all = listen(module);
    const frames = [clientFrame({ opcode: TEXT, payload: text }), clientFrame({ opcode: 3 })];
    expect(() => feed(all, Buffer.concat(frames))).toThrow("the opcode 3 is unknown");
    expect(all.received).toEqual(["text x"]);
  });

  test("with reasons that fit a close frame", () => {
    const all = listen(module, 2 ** 40);
    const tooLarge = clientFrame({ opcode: BINARY, announced: 2n ** 63n });
    try {
      feed(all, tooLarge);
    } catch (error) {
      expect(Buffer.byteLength((error as Error).message)).toBeLessThanOrEqual(123);
      return;
    }
    expect.unreachable();
  });
});

describe("accepts", () => {
  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])(
    "the close code %i",
    (code) => {
      const all = listen(module);
      feed(all, clientClose(code, "as it likes: ümläut"));
      expect(all.received).toEqual([`close ${code}`]);
    },
  );

  test("a close frame without a code, reported as 1005", () => {
    const all = listen(module);
    feed(all, clientClose());
    expect(all.received).toEqual(["close 1005"]);
  });

  test("a message of the maximum size, whole and in fragments", () => {
    const all = listen(module, 1000);
    feed(all, clientFrame({ opcode: BINARY, payload: Buffer.alloc(1000) }));
    feed(all, clientFrame({ opcode: BINARY, isFinal: false, payload: Buffer.alloc(999) }));
    feed(all, clientFrame({ opcode: CONTINUATION, payload: Buffer.alloc(1) }));
    expect(all.messages.map(({ bytes }) => bytes.length)).toEqual([1000, 1000]);
  });

  test("a length in a longer encoding than needed, which RFC 6455 forbids and common servers accept", () => {
    const all = listen(module);
    feed(all, Buffer.from("82fe000100000000" + "78", "hex"));
    feed(all, Buffer.from("82ff000000000000000100000000" + "79", "hex"));
    expect(all.received).toEqual(["binary x", "binary y"]);
  });

  test("text that is split within a character", () => {
    const all = listen(module);
    const [first, second] = [Buffer.from("c3", "hex"), Buffer.from("bc", "hex")];
    feed(all, clientFrame({ opcode: TEXT, isFinal: false, payload: first }));
    feed(all, clientFrame({ opcode: CONTINUATION, payload: second }));
    expect(all.messages[0]?.bytes.toString()).toBe("ü");
  });
});

describe("the memory of a message", () => {
  test("is reported until it is handled, and not for control frames", async () => {
    const { FrameReader } = await import(
      "../../../../src/transports/websocket-protocol/frames/frame-reader.ts"
    );
    const held: (readonly [bytes: number, announced: number])[] = [];
    const ignore = () => undefined;
    const reader = new FrameReader(
      {
        maxMessageBytes: MAX_BYTES,
        pool: createPayloadPool(MAX_BYTES, createCounters()),
        onHeld: (bytes, announced) => void held.push([bytes, announced]),
      },
      { onMessage: ignore, onPing: ignore, onPong: ignore, onClose: ignore },
    );
    const inChunks = (frame: Buffer) => {
      const cut = frame.length - 10;
      reader.feed(frame.subarray(0, cut));
      reader.feed(frame.subarray(cut));
    };
    inChunks(clientFrame({ opcode: PING, payload: Buffer.alloc(100) }));
    expect(held).toEqual([]);
    inChunks(clientFrame({ opcode: BINARY, payload: Buffer.alloc(100) }));
    expect(held).toEqual([
      [90, 100],
      [100, 100],
      [0, 0],
    ]);
  });
});
