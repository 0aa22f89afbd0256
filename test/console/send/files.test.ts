import { expect, test } from "vitest";
import { type Push, type PushOptions, type SendOptions, StreamerError } from "../../../client/browser.ts";
import { IMAGE_BYTES, PART_BYTES, partsOf } from "../../../console/send/files/file-parts.ts";
import { FileSender } from "../../../console/send/files/file-sender.ts";
import { until } from "../../support/until.ts";

const fileOf = (content: string | Uint8Array<ArrayBuffer>, name: string, type: string) =>
  new File([content], name, { type });

async function sizesOf(file: File): Promise<readonly (readonly [number, number])[]> {
  const sizes: (readonly [number, number])[] = [];
  for await (const { offset, data } of partsOf(file)) sizes.push([offset, data.length]);
  return sizes;
}

test("an image is one entry", async () => {
  const size = 2 * PART_BYTES + 1;
  expect(await sizesOf(fileOf(new Uint8Array(size), "a.jpg", "image/jpeg"))).toEqual([[0, size]]);
});

test("another file is cut into parts of a bounded size", async () => {
  expect(await sizesOf(fileOf(new Uint8Array(2 * PART_BYTES + 1), "a.bin", ""))).toEqual([
    [0, PART_BYTES],
    [PART_BYTES, PART_BYTES],
    [2 * PART_BYTES, 1],
  ]);
});

test("a text is cut between lines", async () => {
  const line = `${"ä".repeat(100)}\n`;
  const text = line.repeat(3000);
  const parts: Uint8Array[] = [];
  for await (const { data } of partsOf(fileOf(text, "a.txt", "text/plain"))) parts.push(data);
  expect(parts.length).toBeGreaterThan(2);
  const texts = parts.map((part) => new TextDecoder("utf-8", { fatal: true }).decode(part));
  expect(texts.every((part) => part.endsWith("\n"))).toBe(true);
  expect(texts.join("")).toBe(text);
});

test("a text without lines is cut at the limit", async () => {
  const file = fileOf("x".repeat(PART_BYTES + 5), "a.json", "application/json");
  expect(await sizesOf(file)).toEqual([
    [0, PART_BYTES],
    [PART_BYTES, 5],
  ]);
});

/** A client that answers each entry. */
function clientOf(answer: (entry: number) => Promise<string>) {
  const sent: { readonly size: number; readonly fields: SendOptions["fields"] }[] = [];
  let options: PushOptions = {};
  const push = {
    send(data: Uint8Array, { fields }: SendOptions) {
      sent.push({ size: data.length, fields });
      return answer(sent.length);
    },
  } as unknown as Push;
  return {
    sent,
    client: {
      push: (_stream: string, given: PushOptions = {}) => {
        options = given;
        return push;
      },
    },
    get signal() {
      return options.signal;
    },
  };
}

test("sends files with their types, names and offsets", async () => {
  const { client, sent } = clientOf(async () => "1-0");
  const files = new FileSender(client);
  await files.send("phone", [
    fileOf(new Uint8Array(PART_BYTES + 1), "a.bin", ""),
    fileOf("{}", "b.json", "application/json"),
  ]);
  const size = String(PART_BYTES + 1);
  const first = { "content-type": "application/octet-stream", file: "a.bin", size };
  expect(sent).toEqual([
    { size: PART_BYTES, fields: { ...first, offset: "0" } },
    { size: 1, fields: { ...first, offset: String(PART_BYTES) } },
    { size: 2, fields: { "content-type": "application/json", file: "b.json", size: "2", offset: "0" } },
  ]);
  expect(files.state.value).toEqual({ kind: "done", text: "2 files: stored as 3 entries." });
});

test("sends a part again while Redis is unavailable", async () => {
  const { client, sent } = clientOf(async (entry) => {
    if (entry === 1) throw new StreamerError("REDIS_UNAVAILABLE", "no reply", { retryable: true });
    return "1-0";
  });
  const files = new FileSender(client);
  await files.send("phone", [fileOf("hello", "a.txt", "text/plain")]);
  expect(sent.map(({ size }) => size)).toEqual([5, 5]);
  expect(files.state.value).toEqual({ kind: "done", text: "a.txt: stored as 1 entry." });
});

test("refuses empty files and large images with a reason, before anything is sent", async () => {
  const { client, sent } = clientOf(async () => "1-0");
  const files = new FileSender(client);
  const good = fileOf("x", "good.txt", "text/plain");
  await files.send("phone", [good, fileOf("", "a.txt", "text/plain")]);
  expect(files.state.value).toMatchObject({ kind: "refused", reason: "a.txt is empty." });
  await files.send("phone", [good, fileOf(new Uint8Array(IMAGE_BYTES + 1), "a.png", "image/png")]);
  expect(files.state.value).toMatchObject({ reason: expect.stringContaining("of at most 16 MB") });
  expect(sent).toEqual([]);
});

test("reports why the gateway refused, and what a stop left incomplete", async () => {
  const refusing = clientOf(() =>
    Promise.reject(new StreamerError("FORBIDDEN", "not permitted to write phone:file", { retryable: false })),
  );
  const files = new FileSender(refusing.client);
  await files.send("phone", [fileOf("x", "a.txt", "text/plain")]);
  expect(files.state.value).toMatchObject({ reason: "Not sent: not permitted to write phone:file." });

  const slow = clientOf(
    (entry) =>
      new Promise((resolve, reject) => {
        if (entry === 1) resolve("1-0");
        else slow.signal?.addEventListener("abort", () => reject(slow.signal?.reason));
      }),
  );
  const stopped = new FileSender(slow.client);
  const sending = stopped.send("phone", [fileOf(new Uint8Array(2 * PART_BYTES), "a.bin", "")]);
  await until("the second part is sent", () => slow.sent.length === 2);
  expect(stopped.state.value).toMatchObject({ kind: "sending", sentBytes: PART_BYTES, entries: 1 });
  stopped.discard();
  await sending;
  expect(stopped.state.value).toEqual({
    kind: "done",
    text: "Stopped. a.bin is incomplete: 1 entry stored.",
  });
});
