/** `GET /data/{stream_id}/mjpeg`: a stream of pictures as `multipart/x-mixed-replace`. */
import { expect, test } from "vitest";
import { type OpenAnswer, openAnswer, request } from "../../../../support/clients/http.ts";
import { startTestGateway } from "../../../../support/gateway/gateway.ts";
import { openOwnGateway } from "../../../../support/gateway/own-gateway.ts";
import { until } from "../../../../support/until.ts";

const { redis, gateway } = await openOwnGateway({ SEND_HIGH_WATER_BYTES: "64k" });

const jpeg = (text: string) => Buffer.concat([Buffer.of(0xff, 0xd8, 0xff, 0xe0), Buffer.from(text)]);
const add = (key: string, id: string, data: Uint8Array) =>
  redis.control.call("XADD", `default:${key}`, id, "d", data);
/** The Accept header of Chromium for an <img>. */
const BROWSER = { accept: "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8" };
const open = (path: string, headers: Record<string, string> = {}) =>
  openAnswer(`${gateway.http}/data/${path}`, headers);

/** Reader of response bytes, up to a mark or by number. */
function bytesOf(answer: OpenAnswer) {
  let bytes = Buffer.alloc(0);
  async function more(): Promise<boolean> {
    const chunk = await answer.next();
    if (chunk !== undefined) bytes = Buffer.concat([bytes, chunk]);
    return chunk !== undefined;
  }
  function cut(length: number, skipped: number): Buffer {
    const found = bytes.subarray(0, length);
    bytes = bytes.subarray(length + skipped);
    return found;
  }
  return {
    async upTo(mark: string): Promise<Buffer | undefined> {
      for (;;) {
        const at = bytes.indexOf(mark);
        if (at >= 0) return cut(at, mark.length);
        if (!(await more())) return undefined;
      }
    },
    async take(length: number): Promise<Buffer | undefined> {
      while (bytes.length < length) if (!(await more())) return undefined;
      return cut(length, 0);
    },
  };
}

const boundaryOf = ({ headers }: OpenAnswer): string => {
  const type = String(headers["content-type"]);
  return /^multipart\/x-mixed-replace; ?boundary=([\w-]+)$/.exec(type)?.[1] ?? "";
};

interface Part {
  readonly type: string;
  readonly body: Buffer;
}

/** Reads parts as programs do, by length. A part is complete when the next boundary has arrived. */
function readParts(answer: OpenAnswer): () => Promise<Part | undefined> {
  const bytes = bytesOf(answer);
  const delimiter = `--${boundaryOf(answer)}\r\n`;
  let isFirst = true;
  return async () => {
    if (isFirst) expect(await bytes.upTo(delimiter)).toHaveLength(0);
    isFirst = false;
    const head = await bytes.upTo("\r\n\r\n");
    if (head === undefined) return undefined;
    const [, type = "", length] =
      /^Content-Type: (\S+)\r\nContent-Length: (\d+)$/.exec(head.toString()) ?? [];
    const body = await bytes.take(Number(length));
    const end = await bytes.upTo(delimiter);
    expect(end?.toString() ?? "\r\n").toBe("\r\n");
    return body === undefined || end === undefined ? undefined : { type, body };
  };
}

/** Reads parts as Chromium does. A part is complete when the headers after the next boundary have arrived. */
function readPromptParts(answer: OpenAnswer): () => Promise<Part | undefined> {
  const bytes = bytesOf(answer);
  const delimiter = `--${boundaryOf(answer)}\r\n`;
  let isFirst = true;
  return async () => {
    if (isFirst) expect(await bytes.upTo(`${delimiter}Content-Type: image/jpeg\r\n\r\n`)).toHaveLength(0);
    isFirst = false;
    const body = await bytes.upTo(`\r\n${delimiter}`);
    const head = await bytes.upTo("\r\n\r\n");
    if (body === undefined || head === undefined) return undefined;
    return { type: head.toString().replace("Content-Type: ", ""), body };
  };
}

test.each([
  ["a program", {}, readParts],
  ["a browser", BROWSER, readPromptParts],
])(
  "sends %s the newest picture immediately, also of an idle camera, and then each new one",
  async (_, headers, read) => {
    await redis.control.call("DEL", "default:camera");
    await add("camera", "1-0", jpeg("old"));
    await add("camera", "2-0", jpeg("newest"));
    await using answer = await open("camera/mjpeg", headers);
    expect(answer.status).toBe(200);
    expect(answer.headers["cache-control"]).toBe("no-store");
    const next = read(answer);
    expect(await next()).toEqual({ body: jpeg("newest"), type: "image/jpeg" });
    await add("camera", "3-0", jpeg("live"));
    expect((await next())?.body).toEqual(jpeg("live"));
    await add("camera", "4-0", jpeg("live too"));
    expect((await next())?.body).toEqual(jpeg("live too"));
  },
);

test("sends only new pictures with last_entry_id=$", async () => {
  await add("later", "1-0", jpeg("old"));
  await using answer = await open("later/mjpeg?last_entry_id=$");
  const next = readParts(answer);
  await until("the reader waits", async () =>
    (await request(`${gateway.http}/metrics`)).text.includes("redis_streamer_tail_streams 1\n"),
  );
  await add("later", "2-0", jpeg("new"));
  expect((await next())?.body).toEqual(jpeg("new"));
});

test("is binary safe: a picture may contain any bytes, even the boundary", async () => {
  const tricky = Buffer.concat([
    jpeg(""),
    Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    jpeg("\r\n--"),
  ]);
  await add("tricky", "1-0", tricky);
  await using answer = await open("tricky/mjpeg");
  expect((await readParts(answer)())?.body).toEqual(tricky);
});

test("a part has the content type of its picture", async () => {
  const kinds: [string, Buffer][] = [
    ["image/jpeg", jpeg("x")],
    ["image/png", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])],
    ["image/webp", Buffer.from("RIFF\0\0\0\0WEBPVP8 ")],
    ["image/gif", Buffer.from("GIF89a")],
  ];
  await using answer = await open("kinds/mjpeg");
  const next = readParts(answer);
  let id = 1;
  for (const [type, data] of kinds) {
    await add("kinds", `${id++}-0`, data);
    expect(await next()).toEqual({ body: data, type });
  }
});

test("skips and counts entries that are not images, without effect on max_fps", async () => {
  await using counting = await startTestGateway(redis.url);
  const skipped = async () =>
    Number(/pictures_skipped_total (\d+)/.exec((await request(`${counting.http}/metrics`)).text)?.[1]);
  await using answer = await openAnswer(`${counting.http}/data/mixed/mjpeg?last_entry_id=0&max_fps=0.01`);
  const next = readParts(answer);
  const others = [Buffer.of(), Buffer.from("text"), Buffer.from('{"t":1}'), Buffer.of(0xff, 0xd8)];
  for (const [i, data] of others.entries()) {
    await add("mixed", `${i + 1}-0`, data);
    await until("it is skipped", async () => (await skipped()) === i + 1);
  }
  await redis.control.call("XADD", "default:mixed", "8-0", "other", "field");
  await until("it is skipped", async () => (await skipped()) === others.length + 1);
  await add("mixed", "9-0", jpeg("at last"));
  expect((await next())?.body).toEqual(jpeg("at last"));
});

test.each([
  ["a program", {}, readParts],
  ["a browser", BROWSER, readPromptParts],
])(
  "repeats the last picture to %s of an idle camera, so that no proxy closes the response",
  async (_, headers, read) => {
    await using beating = await startTestGateway(redis.url, { HEARTBEAT_MS: "100" });
    await redis.control.call("DEL", "default:rests");
    await add("rests", "1-0", jpeg("one"));
    await add("rests", "2-0", Buffer.from("not a picture"));
    await add("rests", "3-0", jpeg("two"));
    await using answer = await openAnswer(`${beating.http}/data/rests/mjpeg`, headers);
    const next = read(answer);
    for (let i = 0; i < 3; i++) expect((await next())?.body).toEqual(jpeg("two"));
    await add("rests", "4-0", jpeg("three"));
    let body = (await next())?.body;
    while (body?.equals(jpeg("two"))) body = (await next())?.body;
    expect(body).toEqual(jpeg("three"));
    await add("rests", "5-0", Buffer.from("not a picture"));
    expect((await next())?.body).toEqual(jpeg("three"));
  },
);

test("skips pictures for a slow browser, never sends an older one, and delivers the last one", async () => {
  const total = 400;
  const picture = (i: number) => Buffer.concat([jpeg(`${i} `), Buffer.alloc(100_000)]);
  await using answer = await open("slow/mjpeg");
  const next = readParts(answer);
  answer.pause();
  for (let i = 1; i <= total; i++) await add("slow", `${i}-0`, picture(i));
  answer.resume();
  const shown: number[] = [];
  while (shown.at(-1) !== total) {
    const part = await next();
    shown.push(Number(/^\d+/.exec(String(part?.body.subarray(4, 10)))?.[0]));
  }
  expect(shown).toEqual(shown.toSorted((a, b) => a - b));
  expect(new Set(shown).size).toBe(shown.length);
  // 40 MB were stored; the kernel buffers and the high-water mark are far smaller.
  expect(shown.length).toBeLessThan(total / 2);
});

test("max_fps limits the rate and skips older pictures", async () => {
  await add("paced", "1-0", jpeg("1"));
  await using answer = await open("paced/mjpeg?max_fps=2");
  const next = readParts(answer);
  expect((await next())?.body).toEqual(jpeg("1"));
  // All within the half second before the next picture is due.
  await Promise.all([2, 3, 4, 5].map((i) => add("paced", `${i}-0`, jpeg(`${i}`))));
  expect((await next())?.body).toEqual(jpeg("5"));
});

test("ends when the gateway stops", async () => {
  await using stopping = await startTestGateway(redis.url);
  await add("stop", "1-0", jpeg("x"));
  await using answer = await openAnswer(`${stopping.http}/data/stop/mjpeg`);
  const next = readParts(answer);
  expect((await next())?.body).toEqual(jpeg("x"));
  const closed = stopping.close();
  expect(await next()).toBeUndefined();
  await closed;
});

test.each([
  ["a+b/mjpeg", "stream_id"],
  ["a/mjpeg?max_fps=-1", "max_fps"],
  ["a/mjpeg?max_fps=fast", "max_fps"],
  ["a/mjpeg?last_entry_id=x", "last_entry_id"],
])("%s is a 400 that names it", async (path, name) => {
  const answer = await request(`${gateway.http}/data/${path}`);
  expect(answer.status).toBe(400);
  expect(answer.json()).toEqual({ error: expect.stringContaining(name), code: "BAD_PARAMETER" });
});
