/** `pull`: start position, selection, formats and end. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EXIT } from "../../../cli/exit-codes.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { runHere } from "../../support/programs/command-line.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;
const add = (key: string, id: string, ...fields: string[]) => redis.control.call("XADD", key, id, ...fields);
beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  for (let n = 1; n <= 4; n++) {
    await add("default:a", `${n}000-0`, "d", `a${n}`);
    await add("default:b", `${n}000-1`, "d", `b${n}`);
    await add("default:c", `${n}000-0`, "d", `c${n}`);
  }
  await add("rover:x", "9000-0", "d", "x");
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const pull = (...args: string[]) => runHere(gateway.http, ["pull", ...args]);
/** Returns the payloads of lines of text. */
const payloads = ({ out }: { out: readonly string[] }) => out.map((line) => line.split(" | ")[1]);

describe("without following, it prints what is stored", () => {
  test("in the order of the ids, each entry once, however many names select it", async () => {
    const { out } = await pull("a", "b", "--no-follow");
    expect(payloads({ out })).toEqual(["a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4"]);
    expect(await pull("a", "*", "a", "--exclude", "c", "--no-follow").then(payloads)).toEqual(
      payloads({ out }),
    );
  });

  test.each([
    [["*"], ["a4", "c4", "b4"], "3"],
    [["*", "--exclude", "b"], ["a4", "c4"], "2"],
    [["*", "--exclude", "b", "--exclude", "c"], ["a3", "a4"], "2"],
    [["a", "b", "--exclude", "b"], ["a3", "a4"], "2"],
    [["a", "a", "a*"], ["a4"], "1"],
    [["nothing"], [], "3"],
    [["nothing*"], [], "3"],
    [["*", "--device", "*", "--exclude", "a"], ["x"], "1"],
    [["*", "--device", "*", "--exclude", "rover:*"], ["b4"], "1"],
  ] as const)("%j: the newest entries are %j", async (args, expected, last) => {
    expect(await pull(...args, "-n", last, "--no-follow").then(payloads)).toEqual(expected);
  });

  test.each([
    ["3000-0", ["a4"]],
    ["3000", ["a4"]],
    ["1970-01-01T00:00:03Z", ["a3", "a4"]],
    ["0", ["a1", "a2", "a3", "a4"]],
  ])("--from %s", async (from, expected) => {
    expect(await pull("a", "--from", from, "--no-follow").then(payloads)).toEqual(expected);
  });

  test("--since", async () => {
    await add("default:recent", `${Date.now() - 7_200_000}-0`, "d", "old");
    await add("default:recent", "*", "d", "new");
    expect(await pull("recent", "--since", "1h", "--no-follow").then(payloads)).toEqual(["new"]);
    expect(await pull("recent", "--since", "1d", "--no-follow").then(payloads)).toEqual(["old", "new"]);
  });
});

describe("formats", () => {
  beforeAll(async () => {
    await add("default:f", "1-0", "d", '{"n": 12345678901234567890,\n "a": 1}', "unit", "m", "unit", "s");
    await add("default:f", "1-1", "d", "two\nlines \u001b[2J");
    await add("default:f", "1-2", "other", "field");
    await redis.control.call("XADD", "default:g", "1-0", "d", Buffer.from([0xff, 0x00, 0x0a]));
  });

  test("json is one valid object a line, and keeps all digits", async () => {
    const { out } = await pull("f", "g", "--format", "json", "--no-follow");
    expect(out.map((line) => JSON.parse(line))).toEqual([
      {
        stream: "f",
        id: "1-0",
        time: "1970-01-01T00:00:00.001Z",
        data: { n: Number("12345678901234567890"), a: 1 },
        fields: { unit: ["m", "s"] },
      },
      { stream: "g", id: "1-0", time: "1970-01-01T00:00:00.001Z", data: { base64: "/wAK" } },
      { stream: "f", id: "1-1", time: "1970-01-01T00:00:00.001Z", data: "two\nlines \u001b[2J" },
      { stream: "f", id: "1-2", time: "1970-01-01T00:00:00.001Z", data: "", fields: { other: "field" } },
    ]);
    expect(out[0]).toContain('{"n": 12345678901234567890,  "a": 1}');
    for (const line of out) expect(line).not.toMatch(/[\n\r]/);
  });

  test("text has one line an entry, and no control characters", async () => {
    const { out } = await pull("f", "--no-follow");
    expect(out).toEqual([
      expect.stringMatching(/^f: 1-0 \| \{"n": 12345678901234567890,\\n "a": 1\} \| .*unit/),
      "f: 1-1 | two\\nlines \\u001b[2J",
      expect.stringMatching(/^f: 1-2 \| other=/),
    ]);
  });

  test("raw writes payloads only, hex a line", async () => {
    const { bytes, out } = await pull("g", "--format", "raw", "--no-follow");
    expect([Buffer.concat(bytes), out]).toEqual([Buffer.from([0xff, 0x00, 0x0a]), []]);
    expect((await pull("g", "--format", "hex", "--no-follow")).out).toEqual(["g: 1-0 | ff000a"]);
  });
});

describe("following", () => {
  test("starts with the newest entries, and ends after --count", async () => {
    await add("default:live", "1-0", "d", "1");
    await add("default:live", "2-0", "d", "2");
    const seen: string[] = [];
    const print = (line: string) => {
      seen.push(line);
      // The next entry is added once the first has arrived, so that it must be followed.
      if (seen.length === 1) void add("default:live", "3-0", "d", "3");
      return undefined;
    };
    await runHere(gateway.http, ["pull", "live", "-n", "1", "--count", "2"], { changes: { print } });
    expect(seen).toEqual(["live: 2-0 | 2", "live: 3-0 | 3"]);
  });

  test("--timeout ends a pull that receives nothing", async () => {
    await expect(pull("silent", "--timeout", "50ms")).rejects.toMatchObject({ exitCode: EXIT.timeout });
  });

  test("an abort ends it with the totals", async () => {
    const stop = new AbortController();
    const print = () => void stop.abort();
    const { notes } = await runHere(gateway.http, ["pull", "a", "--from", "0"], {
      changes: { print },
      signal: stop.signal,
    });
    expect(notes).toEqual([expect.stringMatching(/^pull a: 1 message, 2 B/)]);
  });

  test("trimmed entries are counted as gaps", async () => {
    await add("default:trimmed", "1-0", "d", "1");
    await add("default:trimmed", "2-0", "d", "2");
    await add("default:trimmed", "3-0", "d", "3");
    await redis.control.call("XTRIM", "default:trimmed", "MAXLEN", "1");
    const { notes } = await pull("trimmed", "--from", "1-0", "--count", "1");
    expect(notes).toEqual([expect.stringMatching(/, 1 gap$/)]);
  });

  test("progress is shown on a terminal only", async () => {
    let shown = 0;
    const showProgress = () => {
      shown++;
      return () => undefined;
    };
    for (const isInteractive of [false, true]) {
      const changes = { isInteractive, showProgress };
      await runHere(gateway.http, ["pull", "a", "--no-follow"], { changes });
      expect(shown).toBe(isInteractive ? 1 : 0);
    }
  });
});

test.each([
  [["a", "--since", "5x"], /must be a duration/],
  [["a", "--since", "5s", "--from", "0"], /cannot be used together/],
  [["a", "--from", "yesterday"], /--from must be an entry id.*got "yesterday"/],
  [["a", "--format", "xml"], /Allowed choices are text, json, raw, hex/],
  [["a", "-n", "0"], /at least 1, got "0"/],
  [["a", "--no-follow", "--latest"], /use -n 1/],
  [["a", "--no-follow", "--fps", "3"], /--fps/],
  [["a", "--no-follow", "--from", "$"], /must not be \$/],
  [["a", "--no-follow", "--exclude", "a"], /must not exclude all/],
  [["a**b", "--no-follow"], /must not contain "\*\*"/],
  [[""], /must not be empty/],
] as const)("rejects %j", async (args, message) => {
  await expect(pull(...args)).rejects.toThrow(message);
});
