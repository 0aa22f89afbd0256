/** Warnings about accepted requests that are probably mistakes: typos, bare flags, times in the wrong unit. */
// cspell:ignore entryid strat dedup latst maxfps lastest
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { connect } from "../../../../client/index.ts";
import { openAnswer, request } from "../../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { silent, startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
const logged: string[] = [];

beforeAll(async () => {
  redis = await startRedis();
  const warn = (fields: object, message: string) => logged.push(JSON.stringify({ ...fields, message }));
  gateway = await startTestGateway(redis.url, {}, { ...silent, warn });
  await redis.control.call("XADD", "default:s", "1732791745123-0", "d", "x");
  await redis.control.call("XADD", "default:frames", "7-0", "d", "x");
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const warningsOf = (headers: Readonly<Record<string, unknown>>): readonly string[] =>
  JSON.parse(String(headers["x-warnings"] ?? "[]"));
const warnedOf = async (path: string, method = "GET") =>
  warningsOf(
    (await request(gateway.http + path, { method, ...(method === "POST" && { body: "x" }) })).headers,
  );

/** The headers of a handshake. */
function upgraded(path: string): Promise<Readonly<Record<string, unknown>>> {
  const socket = new WebSocket(gateway.ws + path);
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("upgrade", ({ headers }) => {
      socket.terminate();
      resolve(headers);
    });
  });
}

describe("unknown parameters", () => {
  test.each([
    ["/data/s?last_entryid=0&block=0", 'unknown parameter "last_entryid"; did you mean last_entry_id?'],
    ["/data/s?lastEntryId=0&block=0", 'unknown parameter "lastEntryId"; did you mean last_entry_id?'],
    ["/data/s?deviceId=a&block=0", 'unknown parameter "deviceId"; did you mean device_id?'],
    ["/data/s?block=0&_=17", 'unknown parameter "_"'],
    ["/data/s?block=0&%F0%9F%98%80=1", 'unknown parameter "😀"'],
    ["/data/s/entries?strat=0", 'unknown parameter "strat"; did you mean start?'],
    ["/data/s/entries?block=0", 'unknown parameter "block"'],
    ["/data/s/density?bucket=2", 'unknown parameter "bucket"; did you mean buckets?'],
  ])("%s", async (path, sentence) => {
    expect(await warnedOf(path)).toEqual([sentence]);
  });

  test("reports at most three, and no known ones", async () => {
    expect(await warnedOf("/data/s?last_entry_id=0&device_id=default&ticket=&count=2")).toEqual([]);
    expect(await warnedOf("/data/s?block=0&q1=1&q2=2&q3=3&q4=4&q5=5")).toHaveLength(3);
  });

  test("on POST, live responses and WebSockets", async () => {
    expect(await warnedOf("/data/posted?dedup=1", "POST")).toEqual([
      'unknown parameter "dedup"; did you mean dedupe?',
    ]);
    for (const path of ["/data/s/events?latst=1", "/data/s/mjpeg?maxfps=1"]) {
      await using answer = await openAnswer(gateway.http + path);
      expect(warningsOf(answer.headers)).toHaveLength(1);
    }
    expect(warningsOf(await upgraded("/data/s/pull?lastest=1"))).toEqual([
      'unknown parameter "lastest"; did you mean latest?',
    ]);
    expect(warningsOf(await upgraded("/data/s/push?acks=1"))).toEqual([
      'unknown parameter "acks"; did you mean ack?',
    ]);
    expect(await upgraded("/data/s/pull?latest=1")).not.toHaveProperty("x-warnings");
  });

  test("are counted, and logged once per interval", async () => {
    const { text } = await request(`${gateway.http}/metrics`);
    expect(Number(/^redis_streamer_request_warnings_total (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(5);
    expect(logged.filter((line) => line.includes("unknown parameter"))).toHaveLength(1);
  });
});

test("a bare flag is true", async () => {
  for (let i = 1; i <= 3; i++) await redis.control.call("XADD", "default:three", `${i}-0`, "d", String(i));
  expect((await request(`${gateway.http}/data/three?last_entry_id=0&latest`)).text).toBe("3");
  expect((await request(`${gateway.http}/data/three?last_entry_id=0&latest=`)).text).toBe("1");
});

describe("times", () => {
  const SECONDS =
    /^last_entry_id 1732791745-0 is 1970-01-21T.*, but the newest entry is from 2024-11-28T.*milliseconds$/;

  test.each([
    ["seconds", "/data/s?last_entry_id=1732791745&block=0", SECONDS],
    ["microseconds", "/data/s?last_entry_id=1732791745123000&block=0", /is \+056879-.*milliseconds$/],
    ["a start in seconds", "/data/s/entries?start=1732791745", /^start 1732791745-0 is 1970/],
    ["an end in seconds", "/data/s/entries?end=1732791745", /^end 1732791745-\d+ is 1970/],
    ["a start of an export", "/data/s/entries?start=1732791745&format=mcap", /^start 1732791745-0 is 1970/],
    ["a start of a density", "/data/s/density?start=1732791745", /^start 1732791745-0 is 1970/],
  ])("in %s are reported", async (_unit, path, sentence) => {
    expect(await warnedOf(path)).toEqual([expect.stringMatching(sentence)]);
  });

  test.each([
    "/data/s?last_entry_id=0&block=0",
    "/data/s?last_entry_id=-&block=0",
    "/data/s?last_entry_id=$&block=0",
    "/data/s?last_entry_id=1732791745122&block=0",
    "/data/s/entries?start=2024-11-28T11:02:25Z&end=2024-11-29",
    "/data/s/entries?start=-&end=%2B",
    // Its ids are numbers, not times.
    "/data/frames?last_entry_id=3&block=0",
    "/data/frames/entries?start=3&end=9",
    "/data/missing?last_entry_id=1732791745&block=0",
  ])("are not reported of %s", async (path) => {
    expect(await warnedOf(path)).toEqual([]);
  });

  test("of a playback are reported", async () => {
    for (const path of ["events", "mjpeg"]) {
      await using answer = await openAnswer(`${gateway.http}/data/s/${path}?rate=1&end=1732791745`);
      expect(warningsOf(answer.headers)).toEqual([expect.stringMatching(/^end 1732791745-\d+ is 1970/)]);
    }
  });

  test("of a group are reported", async () => {
    expect(await warnedOf("/data/s/work/g/next?consumer=c&wait=0&from=1732791745", "POST")).toEqual([
      expect.stringMatching(/^from 1732791745-0 is 1970/),
    ]);
  });

  test.each([
    "/data/s/pull?last_entry_id=1732791745",
    "/data/s/pull?rate=1&start=1732791745",
    "/data/s/work/g?from=1732791745",
  ])("of %s are counted", async (path) => {
    const counted = async () =>
      Number(/request_warnings_total (\d+)/.exec((await request(`${gateway.http}/metrics`)).text)?.[1]);
    const before = await counted();
    await upgraded(path);
    await until("it is counted", async () => (await counted()) === before + 1);
  });

  test("of a pull are logged", async () => {
    logged.length = 0;
    await until("the log has it", async () => {
      if (logged.some((line) => line.includes("milliseconds"))) return true;
      await upgraded("/data/s/pull?last_entry_id=1732791745");
      const { text } = await request(`${gateway.http}/metrics`);
      return /request_warnings_total [1-9]\d/.test(text);
    });
  });
});

test("the client rejects unknown options", async () => {
  const streamer = connect(gateway.http);
  // As in a JavaScript program without types.
  const wrong: object = { lates: true };
  const error = { code: "BAD_PARAMETER", message: 'unknown option "lates"; did you mean latest?' };
  await expect(streamer.pull("s", wrong).next()).rejects.toMatchObject(error);
  expect(() => streamer.push("s", { acks: true } as object)).toThrow(
    'unknown option "acks"; did you mean ack?',
  );
  await expect(streamer.entries("s", { strat: "0" } as object).next()).rejects.toMatchObject({
    message: 'unknown option "strat"; did you mean start?',
  });
  await expect(streamer.streams({ matches: "*" } as object)).rejects.toMatchObject({ code: "BAD_PARAMETER" });
  await expect(streamer.meta("s", { devise: "a" } as object)).rejects.toMatchObject({
    code: "BAD_PARAMETER",
  });
});
