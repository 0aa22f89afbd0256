/** Fuzzed messages and frames of viewers: each is answered with a status or a close code, and another viewer misses nothing. */
import type { Socket } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readBinaryMessage, readTextMessage } from "../../../src/wire/foxglove/client-messages.ts";
import { BINARY, CLOSE, clientFrame, TEXT } from "../../support/clients/client-frames.ts";
import { connectViewer, type TestViewer } from "../../support/clients/foxglove-client.ts";
import { anyText } from "../../support/data/arbitraries.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

/** A subscription that the viewer does not have: the answer shows that all messages before it are handled. */
const UNKNOWN = 4_000_000_000;

let redis: TestRedis;
let gateway: TestGateway;
/** Another viewer, and its subscription. */
let other: TestViewer;
let steady: number;
let appended = 0;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  await append();
  other = await connectViewer(`${gateway.ws}/foxglove`);
  steady = await other.subscribe("/rover/steady");
  await other.received(steady, 1);
});
afterAll(async () => {
  await other[Symbol.asyncDispose]();
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const append = () => redis.control.call("XADD", "rover:steady", "*", "d", `{"n": ${appended++}}`);

/** Writes to a viewer's connection, and waits for the answer. @returns the statuses, and the close code if it was closed */
async function answerTo(path: string, write: (viewer: TestViewer, socket: Socket) => void) {
  await using viewer = await connectViewer(gateway.ws + path);
  await viewer.channel("/rover/steady");
  let closed = "";
  void viewer.closed.then((code) => {
    closed = code;
  });
  write(viewer, Reflect.get(viewer.raw, "_socket") as Socket);
  viewer.client.unsubscribe(UNKNOWN);
  const last = () => viewer.statuses.some(({ message }) => message.includes(String(UNKNOWN)));
  await until("there is an answer", () => last() || closed !== "");
  return { statuses: viewer.statuses.filter(({ message }) => !message.includes(String(UNKNOWN))), closed };
}

async function expectOthersServed(): Promise<void> {
  await append();
  const received = await other.received(steady, appended);
  expect(received.at(-1)?.data.toString()).toBe(`{"n": ${appended - 1}}`);
  expect(other.statuses).toEqual([]);
}

const path = fc.constantFrom("/foxglove", "/foxglove/rover?start=-");
const isValid = (read: () => unknown): boolean => {
  try {
    read();
    return true;
  } catch {
    return false;
  }
};

const binary = fc
  .tuple(fc.constantFrom([], [1], [3], [3, 0, 0, 0, 0x80, 0x3f], [3, 1]), fc.uint8Array({ maxLength: 40 }))
  .map(([head, rest]) => Buffer.from([...head, ...rest]));
const op = fc.constantFrom("subscribe", "unsubscribe", "advertise", "unadvertise", "fetchAsset", 5, null);
const list = fc.oneof(fc.jsonValue(), fc.array(fc.record({ id: fc.jsonValue(), channelId: fc.nat() })));
const text = fc.oneof(
  anyText,
  fc.json(),
  fc
    .record({ op, subscriptions: list, subscriptionIds: list, channels: list, channelIds: list })
    .map((message) => JSON.stringify(message)),
);

test("messages that are not valid are answered with a status", async () => {
  await fc.assert(
    fc.asyncProperty(path, fc.oneof(binary, text), async (one, message) => {
      const { statuses, closed } = await answerTo(one, ({ raw }) => raw.send(message));
      expect(closed).toBe("");
      const read = () =>
        typeof message === "string" ? readTextMessage(message) : readBinaryMessage(message);
      if (!isValid(read)) expect(statuses).toMatchObject([{ level: 2 }]);
      for (const status of statuses) expect(status.message).not.toMatch(/internal error|undefined/);
      await expectOthersServed();
    }),
    { numRuns: 200 },
  );
});

test("frames that are not valid close the connection with a code of the protocol", async () => {
  const frame = fc.record({
    opcode: fc.integer({ min: 0, max: 15 }).filter((opcode) => opcode !== CLOSE),
    payload: fc.uint8Array({ maxLength: 130 }),
    isFinal: fc.boolean(),
    reserved: fc.integer({ min: 0, max: 7 }),
    isMasked: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(path, frame, async (one, { isMasked, ...parts }) => {
      const { closed } = await answerTo(one, (_viewer, socket) => {
        socket.write(clientFrame({ ...parts, ...(!isMasked && { mask: undefined }) }));
      });
      if (closed !== "") expect(closed).toMatch(/^(1002|1003|1007|1008) ./);
      const isOdd =
        parts.reserved !== 0 ||
        !isMasked ||
        (parts.opcode > BINARY && parts.opcode < CLOSE) ||
        parts.opcode > 10;
      if (isOdd) expect(closed).toMatch(/^1002 /);
      await expectOthersServed();
    }),
    { numRuns: 200 },
  );
});

test.each([
  ["a length of 2^63", clientFrame({ opcode: TEXT, announced: 2n ** 63n }), /^100[29] ./],
  ["a length above the limit", clientFrame({ opcode: BINARY, announced: 2n ** 40n }), /^1009 ./],
  ["text that is not UTF-8", clientFrame({ opcode: TEXT, payload: Buffer.of(0xff) }), /^1007 ./],
])("%s closes the connection", async (_what, bytes, expected) => {
  const { closed } = await answerTo("/foxglove", (_viewer, socket) => socket.write(bytes));
  expect(closed).toMatch(expected);
  await expectOthersServed();
});
