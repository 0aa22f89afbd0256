/** Files of one recording thread: a fault in the code of one fails it alone. */
import { afterEach, expect, test } from "vitest";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import { type FileHooks, FileThread } from "../../../src/recordings/thread/file-thread.ts";
import { until } from "../../support/until.ts";

const faults: unknown[] = [];
const thread = new FileThread((exception) => faults.push(exception));
afterEach(() => thread.close());

const OPTIONS = { library: "test", compression: "none" } as const;
const groupsOf = (text: string) => [
  { stream: "s", entries: [{ id: "5-1" as EntryId, data: Buffer.from(text) }] },
];

function open(hooks: Partial<FileHooks> = {}) {
  const events: string[] = [];
  const file = thread.open(OPTIONS, {
    onTaken: () => events.push("taken"),
    onEnded: () => events.push("ended"),
    onFailed: ({ message }) => events.push(message),
    ...hooks,
  });
  return { file, events };
}

test("chunks for a client use the memory of those that it gives back", async () => {
  const payload = Buffer.alloc(1024 * 1024, "x");
  const MARK = 77;
  const chunks: { isReused: boolean; payloadBytes: number }[] = [];
  const { file, events } = open({
    onBytes(bytes) {
      if (bytes.length < payload.length) return;
      const memory = new Uint8Array(bytes.buffer);
      const isReused = memory.at(-1) === MARK;
      chunks.push({ isReused, payloadBytes: bytes.filter((byte) => byte === payload[0]).length });
      memory[memory.length - 1] = MARK;
      file.giveBack(bytes);
      expect(memory.length).toBe(0);
    },
  });
  for (let i = 1; i <= 12; i++) {
    file.add([{ stream: "s", entries: [{ id: `${i}-0` as EntryId, data: payload }] }]);
    await until("it is taken", () => events.length === i);
  }
  file.end();
  await until("it is written", () => events.at(-1) === "ended");
  const payloadBytes = 4 * payload.length;
  expect(chunks).toEqual([false, true, true].map((isReused) => ({ isReused, payloadBytes })));
});

test("a fault in the hooks of a file fails it, and others are written", async () => {
  const fault = new Error("a fault of the recording");
  const faulty = open({
    onTaken() {
      throw fault;
    },
    onFailed(error) {
      faulty.events.push(error.message);
      throw new Error("another fault");
    },
  });
  const healthy = open();
  for (const { file } of [faulty, healthy]) file.add(groupsOf("x"));
  await until("it is taken", () => healthy.events.length === 1);
  for (const { file } of [faulty, healthy]) file.end();
  await until("it is written", () => healthy.events.length === 2);
  expect(healthy.events).toEqual(["taken", "ended"]);
  expect(faulty.events).toEqual([fault.message]);
  expect(faults).toEqual([fault, new Error("another fault")]);
});
