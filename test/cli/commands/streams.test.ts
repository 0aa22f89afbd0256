/** `ls`, `info`, `meta` and `rm`: commands that show and change streams. */
import { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { runHere } from "../../support/programs/command-line.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;
beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
});
beforeEach(() => redis.control.call("FLUSHALL"));
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const run = (...args: string[]) => runHere(gateway.http, args);
const json = async (...args: string[]) => JSON.parse((await run(...args)).out.join(""));
const add = (key: string, id: string, ...fields: string[]) => redis.control.call("XADD", key, id, ...fields);

describe("ls", () => {
  test("shows streams with their rates; a pattern and a device select them", async () => {
    const nowMs = Date.now();
    for (let n = 10; n >= 1; n--) await add("default:imu", `${nowMs - n * 100}-0`, "d", "x".repeat(9));
    await add("rover:cam", "1000-0", "d", "1");
    const { out } = await run("ls");
    expect(out[0]).toMatch(/^STREAM +ENTRIES +RATE +BYTES\/S +AGE +KEPT +CONTENT TYPE$/);
    expect(out[1]).toMatch(/^default:imu +10 +10\.0\/s +100 B\/s +0\.\d s +0\.9 s$/);
    expect(out[2]).toMatch(/^rover:cam +1 +0\.0\/s +0 B\/s +[\d,]+ d/);
    const keys = async (...args: string[]) => {
      const { out: lines } = await run("ls", "--json", ...args);
      return lines.map((line) => JSON.parse(line).key);
    };
    expect(await keys()).toEqual(["default:imu", "rover:cam"]);
    expect(await keys("i*")).toEqual(["default:imu"]);
    expect(await keys("*:cam")).toEqual(["rover:cam"]);
    expect(await keys("--device", "r*")).toEqual(["rover:cam"]);
    expect(await keys("nothing")).toEqual([]);
    expect((await run("ls", "nothing")).notes).toEqual(["no streams match"]);
  });

  test("--watch redraws until it is stopped", async () => {
    const stop = new AbortController();
    const drawn: (readonly string[])[] = [];
    const redraw = (_head: string, lines: readonly string[]) => {
      drawn.push(lines);
      if (drawn.length === 2) stop.abort();
      else void add("default:later", "1-0", "d", "1");
    };
    const options = { changes: { redraw }, signal: stop.signal };
    await runHere(gateway.http, ["ls", "--watch"], options).catch(() => undefined);
    expect(drawn.map((lines) => lines.length)).toEqual([0, 1]);
  });
});

describe("info", () => {
  test("shows a stream by its literal name, also with wildcards, backslashes and brackets", async () => {
    for (const name of ["a*b", "a?b", "[x]", "back\\slash", "a+b c"]) {
      await add(`default:${name}`, "1-0", "d", name);
      await add("default:aXb", "*", "d", "other");
      const found = await json("info", name, "--json");
      expect([found.key, found.length, found.last.data]).toEqual([`default:${name}`, 1, name]);
      expect((await run("info", name)).out[0]).toBe(`key                   default:${name}`);
    }
  });

  test("shows consumer groups and retention", async () => {
    await add("default:jobs", "1-0", "d", '{"a":1}', "k", "v");
    await redis.control.call("XGROUP", "CREATE", "default:jobs", "detect", "0");
    await run("meta", "set", "jobs", "maxEntries=5", "maxAge=24h");
    const found = await json("info", "jobs", "--json");
    expect(found).toMatchObject({
      meta: { maxEntries: 5, maxAge: "24h" },
      redis: { entriesAdded: 1, lastGeneratedId: "1-0" },
      consumerGroups: [{ group: "detect", pending: 0 }],
      first: { id: "1-0", data: { a: 1 }, fields: { k: "v" } },
    });
    const { out } = await run("info", "jobs");
    expect(out).toContainEqual(expect.stringMatching(/^retention +maxEntries 5, maxAge 24h$/));
    expect(out).toContainEqual(expect.stringMatching(/^group detect +lag 1, pending 0/));
  });

  test("a stream of a device, and a whole key", async () => {
    await add("rover:x", "1-0", "d", "1");
    expect((await json("info", "x", "--device", "rover", "--json")).key).toBe("rover:x");
    expect((await json("info", "rover:x", "--device", "", "--json")).key).toBe("rover:x");
  });

  test("a stream whose key is longer than a pattern is shown", async () => {
    const name = "x".repeat(300);
    await add(`default:${name}`, "1-0", "d", "1");
    expect(await json("info", name, "--json")).toMatchObject({ key: `default:${name}`, length: 1 });
  });

  test("a stream that does not exist is an error", async () => {
    await add("default:abc", "1-0", "d", "1");
    await expect(run("info", "a*")).rejects.toThrow("no such stream: default:a*");
    await expect(run("info", "")).rejects.toThrow("no such stream: default:");
  });
});

describe("meta", () => {
  test("set merges members, or replaces all", async () => {
    await run("meta", "set", "imu", "maxAge=24h", "n=1", 'list=["a"]', "text=a=b");
    expect(await json("meta", "get", "imu")).toEqual({ maxAge: "24h", n: 1, list: ["a"], text: "a=b" });
    await run("meta", "set", "imu", '{"n": 2}');
    expect((await json("meta", "get", "imu")).n).toBe(2);
    await run("meta", "set", "imu", "only=true", "--replace");
    expect(await json("meta", "get", "imu")).toEqual({ only: true });
  });

  test.each([
    [["imu", "x"], /must be name=value, got "x"/],
    [["imu", "=x"], /must be name=value/],
    [["imu", '{"a":'], /must be valid JSON/],
    [["imu", "maxAge=soon"], /must be a duration/],
  ] as const)("set rejects %j", async (args, message) => {
    await expect(run("meta", "set", ...args)).rejects.toThrow(message);
  });
});

describe("rm", () => {
  beforeEach(async () => {
    await add("default:a", "1-0", "d", "1");
    await add("default:b", "1-0", "d", "1");
  });

  test("deletes with --yes, and names what did not exist", async () => {
    expect((await run("rm", "a", "-y")).notes).toEqual(["deleted a"]);
    await expect(run("rm", "a", "b", "-y")).rejects.toThrow("no such stream: a");
    expect(await redis.control.call("EXISTS", "default:a", "default:b")).toBe(0);
  });

  test("a pattern deletes nothing", async () => {
    await expect(run("rm", "*", "-y")).rejects.toThrow("no such stream: *");
    expect(await redis.control.call("EXISTS", "default:a", "default:b")).toBe(2);
  });

  test("without a terminal it requires --yes", async () => {
    await expect(run("rm", "a")).rejects.toThrow("pass --yes");
  });

  test.each([
    ["y\n", 0],
    ["n\n", 1],
    ["\n", 1],
    ["", 1],
  ])("on a terminal it waits for an answer: %j", async (answer, left) => {
    const input = Object.assign(Readable.from([answer]), { isTTY: true });
    await runHere(gateway.http, ["rm", "a"], { stream: input });
    expect(await redis.control.call("EXISTS", "default:a")).toBe(left);
  });
});
