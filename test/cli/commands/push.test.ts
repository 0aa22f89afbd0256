/** `push`: division of inputs into entries. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { runHere } from "../../support/programs/command-line.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "streamer-push-"));
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const push = (input: string | Uint8Array, ...args: string[]) =>
  runHere(gateway.http, ["push", ...args], { input });

/** Returns the fields of all entries of a stream. */
async function stored(key: string): Promise<unknown> {
  const entries = await redis.control.call("XRANGE", `default:${key}`, "-", "+");
  const fieldsOf = (entry: unknown) =>
    Array.isArray(entry) && Array.isArray(entry[1]) ? entry[1].map(String) : [];
  return Array.isArray(entries) ? entries.map(fieldsOf) : entries;
}

const lengthPrefixed = (...payloads: string[]) =>
  Buffer.concat(
    payloads.flatMap((text) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(text.length);
      return [length, Buffer.from(text)];
    }),
  );

describe("inputs", () => {
  test.each([
    ["lines", "a\r\nb\n\nc", [], ["a", "b", "", "c"]],
    ["whole", "a\nb\n", ["--whole"], ["a\nb\n"]],
    ["nothing", "", [], []],
    ["prefixed", lengthPrefixed("abc", "", "d"), ["--length-prefixed"], ["abc", "", "d"]],
    ["counted", "a\nb\nc", ["--count", "2"], ["a", "b"]],
  ] as const)("%s", async (stream, input, args, expected) => {
    await push(input, stream, ...args);
    expect(await stored(stream)).toEqual(expected.map((text) => ["d", text]));
  });

  test("files are an entry each, or a line each", async () => {
    const files = ["a\n1\n", "b"].map((text, n) => {
      const file = join(dir, String(n));
      writeFileSync(file, text);
      return file;
    });
    await push("", "files", ...files);
    await push("input", "files", ...files, "-", "--lines");
    const expected = ["a\n1\n", "b", "a", "1", "b", "input"];
    expect(await stored("files")).toEqual(expected.map((text) => ["d", text]));
  });

  test("fields and the content type are stored", async () => {
    const fields = ["--field", "k=v=w", "--field", "k=2", "--field", "e="];
    await push("{}", "fields", ...fields, "--content-type", "application/json");
    expect(await stored("fields")).toEqual([["d", "{}", "k", "v=w", "k", "2", "e", ""]]);
    const { out } = await runHere(gateway.http, ["meta", "get", "fields"]);
    expect(JSON.parse(out.join(""))).toEqual({ contentType: "application/json" });
  });
});

test.each([
  ["", ["x", "nofile"], /^cannot read nofile: ENOENT/],
  ["", ["x", tmpdir()], /^cannot read .*EISDIR/],
  ["", ["x", "-", "-"], /can be read once/],
  ["a", ["x", "--lines", "--whole"], /cannot be used together/],
  ["a", ["x", "--field", "d=1"], /other than d/],
  ["a", ["x", "--field", "name"], /must be NAME=VALUE/],
  [Buffer.from([0, 0, 0, 3, 65]), ["x", "--length-prefixed"], /ends in the middle of an entry/],
  [Buffer.from([0xff, 0, 0, 3, 65]), ["x", "--length-prefixed"], /a length must be at most 268435456/],
  ["a", ["", "--whole"], /must not be empty/],
] as const)("rejects %j %j", async (input, args, message) => {
  await expect(push(input, ...args)).rejects.toThrow(message);
  expect(await stored("x")).toEqual([]);
});

test("a gateway that restarts stores each line once, in order", async () => {
  const input = new PassThrough();
  const first = await startTestGateway(redis.url, { REDIS_STREAM_MAXLEN: "0" });
  const port = new URL(first.http).port;
  const pushing = runHere(first.http, ["push", "restarted"], { stream: input });
  const lines = Array.from({ length: 2_000 }, (_, n) => `line ${n}`);
  input.write(`${lines.slice(0, 1_000).join("\n")}\n`);
  await until("the first lines are stored", async () => Number(await length("restarted")) > 0);
  await first.close();
  input.end(lines.slice(1_000).join("\n"));
  await using _second = await startTestGateway(redis.url, { PORT: port, REDIS_STREAM_MAXLEN: "0" });
  await pushing;
  expect(await stored("restarted")).toEqual(lines.map((line) => ["d", line]));
});

const length = (key: string) => redis.control.call("XLEN", `default:${key}`);
