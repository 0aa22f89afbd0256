/** `record`, `play` and `recording`: recorded entries are stored again, one by one. */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { McapIndexedReader } from "@mcap/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { runCommand, runHere } from "../../support/programs/command-line.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
let dir: string;
let file: string;
const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "streamer-recordings-"));
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, {
    RECORDINGS_DIR: join(dir, "gateway"),
    REDIS_STREAM_MAXLEN: "0",
  });
  for (let n = 1; n <= 20; n++) {
    await add("rover:cam", `${n}000-0`, "d", Buffer.concat([PNG, Buffer.from([n, 0, 255])]));
    await add("rover:imu", `${n}000-${n}`, "d", JSON.stringify({ n }), "unit", "m", "unit", "s");
    await add("rover:text", `${n}500-0`, "d", `line ${n}`);
  }
  await runHere(gateway.http, ["meta", "set", "cam", "contentType=image/png", "--device", "rover"]);
  file = join(dir, "run.mcap");
  const exported = await fetch(`${gateway.http}/data/*/entries?device_id=rover&format=mcap`);
  writeFileSync(file, Buffer.from(await exported.arrayBuffer()));
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const add = (key: string, id: string, ...fields: (string | Uint8Array)[]) =>
  redis.control.call("XADD", key, id, ...fields);
/** Returns the positions of the chunks of a file. */
async function chunksOf(bytes: Uint8Array) {
  const readable = {
    size: async () => BigInt(bytes.length),
    read: async (offset: bigint, size: bigint) => bytes.slice(Number(offset), Number(offset + size)),
  };
  return (await McapIndexedReader.Initialize({ readable })).chunkIndexes;
}

const run = (...args: string[]) => runHere(gateway.http, args);
const play = (...args: string[]) => run("play", file, "--rate", "0", ...args);

/** Returns the entries of a stream without their ids. */
async function contents(key: string): Promise<unknown[]> {
  const entries = await redis.control.call("XRANGE", key, "-", "+");
  return Array.isArray(entries) ? entries.map((entry: unknown) => Array.isArray(entry) && entry[1]) : [];
}
const entries = async (key: string) => redis.control.call("XRANGE", key, "-", "+");

describe("play", () => {
  test("stores all streams under another device: the same payloads and fields in order, and the metadata", async () => {
    const { notes } = await play("--device", "lab");
    expect(notes).toEqual([expect.stringMatching(/^play run\.mcap: 60 entries, .* stored$/)]);
    for (const name of ["cam", "imu", "text"]) {
      expect(await contents(`rover:${name}`)).toHaveLength(20);
      expect(await contents(`lab:${name}`)).toEqual(await contents(`rover:${name}`));
    }
    const meta = await run("meta", "get", "cam", "--device", "lab");
    expect(JSON.parse(meta.out.join(""))).toEqual({ contentType: "image/png" });
  });

  test("--keep-ids keeps the ids, and stores nothing twice", async () => {
    await play("--device", "kept", "--keep-ids");
    expect(await entries("kept:imu")).toEqual(await entries("rover:imu"));
    await expect(play("--device", "kept", "--keep-ids")).rejects.toThrow(/ID specified/);
    expect(await entries("kept:imu")).toEqual(await entries("rover:imu"));
  });

  test("--dedupe makes a repeated replay store each entry once; without it, all are stored again", async () => {
    await play("--device", "once", "--only", "imu", "--dedupe", "run-1", "--duration", "5s");
    await play("--device", "once", "--only", "imu", "--dedupe", "run-1");
    expect(await contents("once:imu")).toEqual(await contents("rover:imu"));
    await play("--device", "once", "--only", "imu");
    expect(await contents("once:imu")).toHaveLength(40);
  });

  test.each([
    [["--only", "imu", "--remap", "imu:=imu2"], { imu2: 20 }],
    [["--only", "rover:*", "--exclude", "cam", "--exclude", "i*"], { text: 20 }],
    [["--only", "text", "--start-offset", "10s"], { text: 10 }],
    [["--only", "text", "--start-offset", "5s", "--duration", "2s"], { text: 2 }],
  ] as const)("%j", async (args, expected) => {
    const device = JSON.stringify(args);
    await play("--device", device, ...args);
    const keys = await redis.control.call("KEYS", `${device.replace(/[[\]*]/g, "?")}:*`);
    const found: Record<string, number> = {};
    for (const key of Array.isArray(keys) ? keys.map(String) : [])
      found[key.slice(device.length + 1)] = (await contents(key)).length;
    expect(found).toEqual(expected);
  });

  test("plays several files together", async () => {
    const second = join(dir, "second.mcap");
    copyFileSync(file, second);
    await run("play", file, second, "--rate", "0", "--device", "both", "--only", "imu");
    const twice = (await contents("rover:imu")).flatMap((one) => [one, one]);
    expect(await contents("both:imu")).toEqual(twice);
  });

  test("on a terminal, keys pause, seek and stop", async () => {
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
    const args = ["play", file, "--device", "keys", "--only", "text", "--start-paused"];
    let progress = () => "";
    const showProgress = (describe: () => string) => {
      progress = describe;
      return () => undefined;
    };
    const playing = runHere(gateway.http, args, { stream: input, changes: { showProgress } });
    await until("it is paused", () => progress().includes("paused"));
    expect(await contents("keys:text")).toEqual([]);
    input.write("\u001b[C");
    input.write("\u001b[C");
    input.write(" ");
    // The end is 20 s after the beginning: of the last entry, which the jump reached, nothing is left to wait for.
    await until("the last entry is stored", async () => (await contents("keys:text")).length >= 1);
    input.write("q");
    await playing;
    expect(await contents("keys:text")).toEqual([(await contents("rover:text")).at(-1)]);
  });

  test.each([
    [["--only", "nothing"], /select no stream/],
    [["--start-offset", "1h"], /must be at most 19500ms/],
    [["--loop", "--keep-ids"], /cannot be used with --keep-ids/],
    [["--start-paused"], /requires a terminal/],
    [["--remap", "a"], /must be OLD:=NEW, got "a"/],
  ] as const)("rejects %j", async (args, message) => {
    await expect(play("--device", "rejected", ...args)).rejects.toThrow(message);
  });
});

describe("recording", () => {
  test("shows channels, counts and times", async () => {
    const { out } = await run("recording", file, "--check");
    expect(out.join("\n")).toMatch(
      /entries +60\ntime +1970-01-01T00:00:01.000Z to 1970-01-01T00:00:20.500Z \(19 s\)/,
    );
    expect(out).toContainEqual(
      expect.stringMatching(/^rover:cam +20 +image\/png +protobuf foxglove.CompressedImage$/),
    );
    const json = JSON.parse((await run("recording", file, "--json")).out.join(""));
    expect([json.entries, json.isFinished, json.channels.length]).toEqual([60, true, 3]);
  });

  test("an unfinished file shows its entries, and fails", async () => {
    const cut = join(dir, "cut.mcap");
    copyFileSync(file, cut);
    truncateSync(cut, readFileSync(file).length - 100);
    await expect(run("recording", cut)).rejects.toThrow(/has no end/);
  });

  test.each([
    ["empty.mcap", Buffer.alloc(0)],
    ["foreign.mcap", Buffer.from("this is no recording, but a text of some length")],
    ["zeros.mcap", Buffer.alloc(10_000)],
  ])("%s is an error that names the file", async (name, bytes) => {
    const path = join(dir, name);
    writeFileSync(path, bytes);
    await expect(run("recording", path)).rejects.toThrow(name);
    await expect(run("play", path)).rejects.toThrow(name);
  });

  test("a damaged chunk is found by --check", async () => {
    const damaged = join(dir, "damaged.mcap");
    const bytes = readFileSync(file);
    const [chunk] = await chunksOf(bytes);
    bytes.fill(0x55, Number(chunk?.chunkStartOffset) + 100, Number(chunk?.chunkStartOffset) + 200);
    writeFileSync(damaged, bytes);
    const { code, stderr } = await runCommand(["recording", damaged, "--check", "--quiet"]);
    expect([code, stderr.trim().split("\n")]).toEqual([
      1,
      [
        expect.stringMatching(`damaged\\.mcap: the chunk at byte ${chunk?.chunkStartOffset} is damaged`),
        expect.stringMatching(/damaged\.mcap: the data before byte \d+ is damaged: its checksum differs/),
        expect.stringMatching(/^error: .*damaged\.mcap has 2 problems$/),
      ],
    ]);
    const args = ["play", damaged, "--rate", "0", "--device", "damaged"];
    const played = await runCommand(args, { url: gateway.http });
    expect([played.code, played.stderr]).toEqual([1, expect.stringMatching(/error: .*damaged\.mcap: /)]);
  });

  test("a file whose end is damaged is an error that names the remedy", async () => {
    const path = join(dir, "end.mcap");
    const bytes = readFileSync(file);
    bytes.fill(0, bytes.length - 100, bytes.length - 90);
    writeFileSync(path, bytes);
    await expect(run("recording", path)).rejects.toThrow(
      /end\.mcap: the end of the file is damaged; `mcap recover`/,
    );
  });

  test("a file that does not exist", async () => {
    await expect(run("recording", join(dir, "none.mcap"))).rejects.toThrow(/none\.mcap: ENOENT/);
  });
});

describe("record", () => {
  test("records until Ctrl-C, with a stream that appears midway, and fetches the file", async () => {
    const stop = new AbortController();
    let progress = () => "";
    const showProgress = (describe: () => string) => {
      progress = describe;
      return () => undefined;
    };
    const output = join(dir, "fetched");
    const args = ["record", "*", "--device", "live", "--name", "run-1", "-o", output];
    const options = { changes: { showProgress }, signal: stop.signal };
    const recording = runHere(gateway.http, args, options);
    await until("it is recording", () => progress().startsWith("record run-1"));
    await add("live:a", "*", "d", "first");
    await until("the entry is recorded", () => progress().includes("1 entry"));
    await add("live:later", "*", "d", "second");
    await until("the later stream is recorded", () => progress().includes("2 entries"));
    stop.abort();
    const { out } = await recording;
    expect(out).toEqual([join(output, "run-1.mcap")]);
    expect(readdirSync(output)).toEqual(["run-1.mcap"]);
    const shown = JSON.parse((await run("recording", out[0] ?? "", "--json")).out.join(""));
    expect(shown.channels.map(({ stream }: { stream: { key: string } }) => stream.key).sort()).toEqual([
      "live:a",
      "live:later",
    ]);
    await expect(run("record", "*", "--device", "live", "--name", "run-1")).rejects.toMatchObject({
      message: /run-1/,
    });
  });

  test("--start-paused waits for space, and --note is in the file", async () => {
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
    const args = ["record", "*", "--device", "live", "--name", "paused", "-o", dir, "--max-duration", "1s"];
    const notes = ["--note", "driver=Ada", "--note", "equation=a=b"];
    const recording = runHere(gateway.http, [...args, "--start-paused", ...notes], { stream: input });
    await until("it waits for keys", () => input.listenerCount("data") > 0);
    expect((await fetch(`${gateway.http}/recordings/paused`)).status).toBe(404);
    input.write(" ");
    const { out } = await recording;
    const shown = await run("recording", out[0] ?? "");
    expect(shown.out).toEqual(
      expect.arrayContaining(["note        driver: Ada", "note        equation: a=b"]),
    );
    const json = JSON.parse((await run("recording", out[0] ?? "", "--json")).out.join(""));
    expect(json).toMatchObject({ gaps: 0, notes: { driver: "Ada", equation: "a=b" } });
  });

  test("--start-paused ends with q, and requires a terminal", async () => {
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
    const args = ["record", "*", "--name", "never", "--start-paused"];
    input.write("q");
    expect((await runHere(gateway.http, args, { stream: input })).out).toEqual([]);
    expect((await fetch(`${gateway.http}/recordings/never`)).status).toBe(404);
    await expect(run(...args)).rejects.toThrow(/requires a terminal/);
    await expect(run("record", "*", "--note", "x")).rejects.toThrow(/must be KEY=VALUE, got "x"/);
  });

  test("a directory that cannot be created is an error, and nothing is recorded", async () => {
    await expect(run("record", "*", "--name", "nowhere", "-o", "/proc/none/x")).rejects.toThrow(
      /ENOENT.*proc/,
    );
    expect((await fetch(`${gateway.http}/recordings/nowhere`)).status).toBe(404);
  });

  test("states that no stream matches, and where the file is if it cannot be stored", async () => {
    const output = join(dir, "taken");
    mkdirSync(join(output, "empty.mcap.part"), { recursive: true });
    const args = ["record", "none*", "--device", "live", "--name", "empty", "--duration", "1s", "-o", output];
    const { code, stderr } = await runCommand(args, { url: gateway.http });
    expect(code).toBe(1);
    expect(stderr).toContain("no stream matches yet; those that appear are recorded");
    expect(stderr).toMatch(/error: EISDIR.*; empty\.mcap remains on the gateway/);
    expect((await fetch(`${gateway.http}/recordings/empty.mcap`)).status).toBe(200);
  });

  test("ends by itself after --duration, and --detach leaves it running", async () => {
    const { out } = await run("record", "*", "--device", "live", "--name", "short", "--duration", "1s");
    expect(out).toEqual(["short.mcap"]);
    expect((await run("record", "*", "--device", "live", "--name", "left", "--detach")).out).toEqual([
      "left",
    ]);
  });
});
