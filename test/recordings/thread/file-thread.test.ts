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
