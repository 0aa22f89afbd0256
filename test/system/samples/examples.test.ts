/** Runs the commands of examples/README.md against a real gateway that restarts in the meantime. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { decode } from "@msgpack/msgpack";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const readme = readFileSync(new URL("../../../examples/README.md", import.meta.url), "utf8");
const commands = [...readme.matchAll(/```text\n(.*?)```/gs)].flatMap(([, block = ""]) =>
  block.trim().split("\n"),
);
const [
  serveFiles = "",
  feedPlot = "",
  detect = "",
  dashboard = "",
  installBridge = "",
  bridge = "",
  record = "",
  replay = "",
] = commands;

/** Timeout of a condition on a loaded machine, ms. */
const PATIENCE_MS = 60_000;
vi.setConfig({ testTimeout: 3 * PATIENCE_MS, hookTimeout: 2 * PATIENCE_MS });

let redis: TestRedis;
let port: number;
let folder: string;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());
beforeEach(async () => {
  await redis.control.call("FLUSHALL");
  port = await freePort();
  folder = mkdtempSync(join(tmpdir(), "examples-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const startGateway = (env = {}): Promise<TestGateway> =>
  startTestGateway(redis.url, { PORT: String(port), ...env });
const length = async (key: string) => Number(await redis.control.call("XLEN", key));

/** Returns all payloads of a stream with their ids. */
async function stored(stream: string, device: string): Promise<{ id: string; data: Buffer }[]> {
  const query = `device_id=${device}&last_entry_id=0&count=10000&format=json`;
  const answer = await fetch(`http://127.0.0.1:${port}/data/${encodeURIComponent(stream)}?${query}`);
  const entries = (await answer.json()) as [string, string, string | { base64: string }][];
  return entries.map(([, id, data]) => ({
    id,
    data: typeof data === "string" ? Buffer.from(data) : Buffer.from(data.base64, "base64"),
  }));
}

/** Pushes one entry. @returns its id */
async function push(stream: string, device: string, body: string | Uint8Array): Promise<string> {
  const url = `http://127.0.0.1:${port}/data/${stream}?device_id=${device}`;
  const [id] = (await (await fetch(url, { method: "POST", body })).json()) as [string];
  return id;
}

interface Running extends AsyncDisposable {
  /** Output so far. */
  output(): string;
  /** Resolves with its exit code. */
  readonly ended: Promise<number | null>;
  /** Sends a signal. @returns its exit code */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Runs a command in its own process group, as a terminal does. */
function start(command: string): Running {
  const child = spawn("bash", ["-c", `exec ${command}`], {
    cwd: root,
    env: { ...process.env, REDIS_STREAMER_URL: `http://127.0.0.1:${port}`, PYTHONUNBUFFERED: "1" },
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      output += chunk;
    });
  const ended = once(child, "close").then(([code]) => code as number | null);
  const end = (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null)
      process.kill(-(child.pid ?? Number.NaN), signal);
    return ended;
  };
  return {
    output: () => output,
    ended,
    end,
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
    },
  };
}

const printed = (program: Running, pattern: RegExp) =>
  until(
    () => `${pattern} in: ${program.output()}`,
    () => pattern.test(program.output()),
    PATIENCE_MS,
  );
/** Debian's Python, which can import Debian's modules. */
const withPython = (command: string) => command.replace(/^python3 /, "/usr/bin/python3 ");

test("covers all commands of the README", () => {
  expect(commands).toEqual([serveFiles, feedPlot, detect, dashboard, installBridge, bridge, record, replay]);
  for (const command of [serveFiles, detect, dashboard, bridge, record, replay])
    expect(command).toMatch(/^(python3|node) /);
});

describe("pages", () => {
  let files: Running;
  let pages: string;
  let browser: TestBrowser;
  beforeAll(async () => {
    const filesPort = await freePort();
    files = start(withPython(serveFiles).replace("8080", String(filesPort)));
    pages = `http://localhost:${filesPort}`;
    browser = await startBrowser("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream");
    await until(
      "files are served",
      () =>
        fetch(pages).then(
          () => true,
          () => false,
        ),
      PATIENCE_MS,
    );
  });
  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    await files[Symbol.asyncDispose]();
  });

  async function open(path: string): Promise<{ page: Page; failures: string[] }> {
    const page = await browser.context.newPage();
    const failures: string[] = [];
    page.on("pageerror", (error) => failures.push(error.message));
    await page.goto(`${pages}/${path}`);
    return { page, failures };
  }
  const status = async (page: Page) => (await page.getByRole("status").textContent()) ?? "";

  test("webcam: pushes images, also after the gateway restarts", async () => {
    let gateway = await startGateway();
    const { page, failures } = await open(
      `webcam/?gateway=${gateway.http}&device=desk&stream=eye&size=320x240&fps=20`,
    );
    const more = async (what: string) => {
      const before = await length("desk:eye");
      await until(
        () => what,
        async () => (await length("desk:eye")) >= before + 5,
        PATIENCE_MS,
      );
    };
    const newestSize = async () => {
      const { format, width, height } = await sharp((await stored("eye", "desk")).at(-1)?.data).metadata();
      return `${format} ${width}x${height}`;
    };
    await page.getByRole("button").click();
    await more("pictures");
    await until(
      "the status reports it",
      async () => /^Live: .* the last is \d+-\d+\.$/.test(await status(page)),
      PATIENCE_MS,
    );
    expect(await newestSize()).toBe("jpeg 320x240");
    const [first, ...others] = await stored("eye", "desk");
    expect(others.every(({ data }) => first?.data.equals(data))).toBe(false);
    expect(await redis.control.call("SISMEMBER", ":devices:connected", "desk")).toBe(1);

    await gateway.close();
    await until("the status reports it", async () => (await status(page)).endsWith("Retrying."), PATIENCE_MS);
    gateway = await startGateway();
    await more("pictures after the gateway restarted");

    await page.getByRole("button").click();
    await page.getByLabel("Size").selectOption("640x480");
    await page.getByRole("button").click();
    await until("larger pictures", async () => (await newestSize()) === "jpeg 640x480", PATIENCE_MS);
    expect(failures).toEqual([]);
    await page.close();
    await gateway.close();
  });

  test("live plot: draws each number once, also those added while the gateway was down", async () => {
    let gateway = await startGateway();
    const sample = (i: number) => JSON.stringify({ x: Math.sin(i / 10), imu: { y: i } });
    for (let i = 0; i < 40; i++) await push("imu", "rover", sample(i));
    const { page, failures } = await open(
      `live-plot.html?gateway=${gateway.http}&stream=imu&device=rover&seconds=600`,
    );
    const plotted = (entries: number) =>
      until(
        `${entries} entries are plotted`,
        async () => (await page.title()) === `${entries} entries of imu`,
        PATIENCE_MS,
      );
    await plotted(40);
    await push("imu", "rover", sample(40));
    await plotted(41);
    const drawn = () =>
      page.locator("canvas").evaluate((canvas) => {
        const { width, height } = canvas as unknown as { width: number; height: number };
        const context = (
          canvas as unknown as {
            getContext(kind: "2d"): { getImageData(...box: number[]): { data: Uint8Array } };
          }
        ).getContext("2d");
        const { data } = context.getImageData(0, 0, width, height);
        let blue = 0;
        for (let i = 0; i < data.length; i += 4)
          if (data[i] === 0x2f && data[i + 1] === 0x7e && data[i + 2] === 0xd8) blue++;
        return blue;
      });
    await until("the line of x is drawn", async () => (await drawn()) > 0, PATIENCE_MS);
    expect(await page.getByRole("button").allTextContents()).toEqual([
      `x ${Math.sin(4).toPrecision(4)}`,
      "imu.y 40.00",
    ]);
    await page.getByRole("button", { name: /^x / }).click();
    await until("the line of x is hidden", async () => (await drawn()) === 0, PATIENCE_MS);

    /** Adds entries while the gateway is down and trims some before it restarts. */
    const whileDown = async (from: number, to: number, trimmed: number) => {
      await gateway.close();
      await until(
        "the status reports it",
        async () => (await status(page)).endsWith("retrying."),
        PATIENCE_MS,
      );
      const add = (i: number) => redis.control.call("XADD", "rover:imu", "*", "d", sample(i));
      const ids: string[] = [];
      for (let i = from; i < to; i++) ids.push(String(await add(i)));
      if (trimmed > 0) await redis.control.call("XTRIM", "rover:imu", "MINID", ids[trimmed] ?? "");
      gateway = await startGateway();
    };
    await whileDown(41, 61, 0);
    await plotted(61);
    await whileDown(61, 81, 10);
    await plotted(71);
    expect(await status(page)).toBe("Live.");
    expect(failures).toEqual([]);
    await page.close();
    await gateway.close();
  });
});

test("detector: reports motion with the id of the image, also after the gateway restarts", async () => {
  let gateway = await startGateway();
  await using detector = start(withPython(detect));
  const square = { create: { width: 40, height: 40, channels: 3 as const, background: "white" } };
  const picture = (left: number, top: number) =>
    sharp({ create: { width: 320, height: 240, channels: 3, background: "#205020" } })
      .composite([{ input: square, left, top }])
      .jpeg({ quality: 95 })
      .toBuffer();
  const show = async (left: number, top: number) => push("camera", "webcam", await picture(left, top));
  const found = async (id: string) => {
    const find = async () => (await stored("motion", "webcam")).find((entry) => entry.id === id);
    await until(
      () => `${id} is detected in: ${detector.output()}`,
      async () => (await find()) !== undefined,
      PATIENCE_MS,
    );
    return JSON.parse((await find())?.data.toString() ?? "");
  };
  await printed(detector, /watching camera/);
  // The first received image has no predecessor, and the test cannot know which image that is.
  let shown = 0;
  await until(
    () => `motion is detected: ${detector.output()}`,
    async () => {
      await show(10 + 60 * (shown++ % 2), 10);
      return (await length("webcam:motion")) > 0;
    },
    PATIENCE_MS,
  );
  await found(await show(40, 60));
  const id = await show(200, 120);
  const detection = await found(id);
  expect(detection.frame).toBe(id);
  for (const [index, edge] of [40, 60, 200, 100].entries())
    expect(Math.abs(detection.box[index] - edge)).toBeLessThan(8);
  expect(detection.moved).toBeCloseTo((2 * 40 * 40) / (320 * 240), 2);

  const junk = await push("camera", "webcam", "no picture");
  await printed(detector, new RegExp(`^${junk} is not a picture`, "m"));
  await gateway.close();
  await printed(detector, /retrying/);
  gateway = await startGateway();
  await printed(detector, /watching camera.*connected again/s);
  const [left] = (await found(await show(100, 120))).box;
  expect(Math.abs(left - 100)).toBeLessThan(8);
  expect(await detector.end("SIGINT")).toBe(0);
  // Ctrl-C may arrive before the last acknowledgement.
  const [, acknowledged, open] =
    /\d+ frames, (\d+) with motion(, 1 unknown)?, 1 unreadable\n$/.exec(detector.output()) ?? [];
  expect(Number(acknowledged) + (open === undefined ? 0 : 1)).toBe(await length("webcam:motion"));
  await gateway.close();
});

test("dashboard: charts numbers and writes the newest picture", async () => {
  const gateway = await startGateway();
  for (let i = 0; i < 60; i++) await push("imu", "rover", JSON.stringify({ acc: { x: i }, note: "text" }));
  const picture = await sharp({ create: { width: 32, height: 24, channels: 3, background: "red" } })
    .jpeg()
    .toBuffer();
  // Bytes, because posted text would declare the stream as text.
  await push("camera", "rover", Buffer.from("not this one"));
  await push("camera", "rover", picture);
  await using running = start(`${withPython(dashboard)} --folder ${folder}`);
  expect(await running.ended, running.output()).toBe(0);
  expect(running.output()).toMatch(/^imu: 60 entries, 0\.20\/s$/m);
  expect(running.output()).toMatch(/^ {2}acc\.x +▁[▁-█]*█ 0 to 59, mean 29\.5$/m);
  expect(running.output()).not.toContain("note");
  expect(readFileSync(join(folder, "camera.jpeg"))).toEqual(picture);
  await gateway.close();
});

describe("MQTT bridge", () => {
  interface Mqtt {
    connect(url: string): {
      publishAsync(topic: string, payload: string, options: object): Promise<unknown>;
      endAsync(): Promise<void>;
    };
  }
  let load: NodeJS.Require;
  beforeAll(async () => {
    const home = join(root, "examples/mqtt-bridge");
    load = createRequire(join(home, "bridge.js"));
    if (!existsSync(join(home, "node_modules/mqtt")))
      await promisify(execFile)("bash", ["-c", installBridge], { cwd: root });
  });

  test("stores each message, also if the gateway is killed, and counts rejected ones", async () => {
    const brokerPort = await freePort();
    writeFileSync(join(folder, "mosquitto.conf"), `listener ${brokerPort} 127.0.0.1\nallow_anonymous true\n`);
    await using _broker = start(`env PATH="$PATH:/usr/sbin" mosquitto -c ${folder}/mosquitto.conf`);
    const startProcess = (): Promise<GatewayProcess> =>
      startGatewayProcess({ env: { REDIS_URL: redis.url, PORT: String(port), MAX_MESSAGE_BYTES: "300k" } });
    await using killed = await startProcess();
    await using running = start(`${bridge.replace("1883", String(brokerPort))} --queue 20`);
    const publisher = (load("mqtt") as Mqtt).connect(`mqtt://127.0.0.1:${brokerPort}`);
    const publish = (topic: string, payload: string) => publisher.publishAsync(topic, payload, { qos: 1 });
    await until(
      () => `it has subscribed: ${running.output()}`,
      async () => {
        await publish("zigbee2mqtt/lamp", '{"state":"ON"}');
        return (await length("zigbee:lamp")) > 0;
      },
      PATIENCE_MS,
    );
    const sent = Array.from({ length: 400 }, (_, i) => `message ${i}`);
    const first = sent.slice(0, 200).map((text) => publish("sensors/rover/acc/x", text));
    await until("some are stored", async () => (await length("rover:acc/x")) > 20, PATIENCE_MS);
    killed.signal("SIGKILL");
    await killed.ended;
    await Promise.all([...first, ...sent.slice(200).map((text) => publish("sensors/rover/acc/x", text))]);
    await printed(running, /retrying/);
    await using _again = await startProcess();
    await until(
      () => `the last message is stored: ${running.output()}`,
      async () => (await stored("acc/x", "rover")).at(-1)?.data.toString() === sent.at(-1),
      PATIENCE_MS,
    );
    // At least once, in their order.
    const texts = (await stored("acc/x", "rover")).map(({ data }) => data.toString());
    expect([...new Set(texts)]).toEqual(sent);

    await publish("sensors/rover/acc/x", "x".repeat(400_000));
    await publish("sensors/rover/acc/x", "after");
    await until(
      () => `the message after a rejected one is stored: ${running.output()}`,
      async () => (await stored("acc/x", "rover")).at(-1)?.data.toString() === "after",
      PATIENCE_MS,
    );
    await publisher.endAsync();
    expect(await running.end("SIGINT")).toBe(1);
    expect(running.output()).toMatch(/^stored \d+ messages, \d+ sent again, 1 lost\n$/m);
  });
});

test("recorder: resumes after kill -9 in the middle of a record, and replays the recording", async () => {
  let gateway = await startGateway();
  const inFolder = (command: string) => command.replace(" recording", ` ${folder}`);
  const payloads = Array.from({ length: 30 }, (_, i) => Buffer.from([0xff, 0xd8, i, 0, 0x80]));
  const send = async (from: number, to: number) => {
    for (const payload of payloads.slice(from, to)) {
      await push("camera", "rover", payload);
      await push("imu", "rover", JSON.stringify({ at: payload[2] }));
    }
  };
  /** Reads the complete records of a file as documented. */
  const recorded = (stream: string) => {
    const path = join(folder, `${stream}.rec`);
    const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    const found: unknown[] = [];
    for (let at = 0; at + 4 <= bytes.length; ) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end <= bytes.length) found.push(decode(bytes.subarray(at + 4, end)));
      at = end;
    }
    return found.slice(1) as [string, Uint8Array, Record<string, Uint8Array>?][];
  };
  const has = (recorder: Running, entries: number) =>
    until(
      () => `${entries} are recorded: ${recorder.output()}`,
      () => recorded("camera").length >= entries && recorded("imu").length >= entries,
      PATIENCE_MS,
    );

  await send(0, 10);
  await using killed = start(inFolder(record));
  await has(killed, 10);
  await killed.end("SIGKILL");
  truncateSync(join(folder, "imu.rec"), readFileSync(join(folder, "imu.rec")).length - 1);
  await send(10, 20);
  await redis.control.call("XADD", "rover:imu", "*", "d", "with a field", "unit", "g");
  await using again = start(inFolder(record));
  await has(again, 20);
  await gateway.close();
  await printed(again, /retrying/);
  gateway = await startGateway();
  await send(20, 30);
  await has(again, 30);
  await until("the last is recorded", () => recorded("imu").length === 31, PATIENCE_MS);
  expect(await again.end("SIGINT")).toBe(0);
  expect(again.output()).toMatch(/imu\.rec: \d+ bytes of an incomplete record removed\n/);
  expect(again.output()).toMatch(/recorded 42 entries, 0 gaps, in .*\n$/);
  for (const stream of ["camera", "imu"])
    expect(recorded(stream).map(([id, data]) => ({ id, data: Buffer.from(data) }))).toEqual(
      await stored(stream, "rover"),
    );

  const startedMs = performance.now();
  await using replayed = start(inFolder(replay));
  expect(await replayed.ended).toBe(0);
  expect(replayed.output()).toMatch(
    /^replayed 61 entries, 0 unknown \(may or may not be stored\), 0 not stored\n$/m,
  );
  const times = recorded("camera").map(([id]) => Number.parseInt(id, 10));
  expect(performance.now() - startedMs).toBeGreaterThan(((times.at(-1) ?? 0) - (times[0] ?? 0)) / 2);
  for (const stream of ["camera", "imu"])
    expect((await stored(stream, "rover-again")).map(({ data }) => data)).toEqual(
      (await stored(stream, "rover")).map(({ data }) => data),
    );
  const [, fields] =
    ((await redis.control.call("XRANGE", "rover-again:imu", "-", "+")) as [string, unknown[]][])[20] ?? [];
  expect(fields?.map(String)).toEqual(["d", "with a field", "unit", "g"]);
  await gateway.close();
});
