/** Runs the samples of the README, of docs/any-language.md and of docs/protocol.md, and checks the settings in docs/configuration.md. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { settingsTable } from "../../../src/settings/help.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { until } from "../../support/until.ts";

const run = promisify(execFile);
const page = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const samples = page("README.md") + page("docs/any-language.md") + page("docs/protocol.md");
const blocks = (language: string) =>
  [...samples.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map(([, code = ""]) => code);
/** The first command starts the gateway, which the test has already done. */
const shell = blocks("bash").filter((code) => code.includes("curl"));
const root = fileURLToPath(new URL("../../..", import.meta.url));

const { redis, gateway } = await openOwnGateway();

const here = (code: string) => code.replaceAll("localhost:8000", new URL(gateway.http).host);
const stored = async () => {
  const answer = await fetch(`${gateway.http}/data/my-stream?last_entry_id=0&count=10000&format=json`);
  return ((await answer.json()) as [string, string, string][]).map(([, , payload]) => payload);
};

test("lists every setting in docs/configuration.md", () => {
  expect(page("docs/configuration.md")).toContain(settingsTable());
});

describe("samples", () => {
  const [
    hello,
    client,
    push,
    pushRaw,
    pull,
    pullMsgpack,
    requests,
    history,
    query,
    follow,
    worker,
    ...others
  ] = blocks("python");
  const [script = "", jsWorker = "", ...otherScripts] = blocks("js");
  const env = { ...process.env, PYTHONPATH: fileURLToPath(new URL("../../../python", import.meta.url)) };
  const python = async (code = "") => (await run("/usr/bin/python3", ["-c", here(code)], { env })).stdout;

  test("are all covered by this test", () => {
    expect([...others, ...otherScripts]).toEqual([]);
    expect(shell.length).toBe(1);
  });

  test("quick start", async () => {
    expect(await python(hello)).toMatch(/^Hello, world \d+-\d+\n$/);
  });

  test("Python package", async () => {
    const lines = (await python(client)).split("\n");
    expect(lines[0]).toMatch(/^\['\d+-\d+', '\d+-\d+'\]$/);
    expect(lines.slice(1, 3)).toEqual(["imu {'x': 1}", "imu {'x': 2}"]);
    expect(lines.slice(5, 7).map((line) => line.split(/ +/).at(-1))).toEqual(["1", "2"]);
  });

  test("push and pull", async () => {
    expect(await python(push)).toMatch(/^\["\d+-\d+"\]\n$/);
    expect(await python(pushRaw)).toMatch(/^\["\d+-\d+"\]\n$/);
    expect(await stored()).toEqual(["hello", "world"]);
    expect(await python(pull)).toMatch(/^my-stream \d+-\d+ b'hello'\nmy-stream \d+-\d+ b'world'\n$/);
    expect(await python(pullMsgpack)).toMatch(/^my-stream \d+-\d+ b'hello'\nmy-stream \d+-\d+ b'world'\n$/);
  });

  test("requests", async () => {
    const lines = (await python(requests)).trim().split("\n");
    expect(lines[1]).toMatch(/^b'hello' \[\["my-stream","\d+-\d+",0\]\]$/);
    expect(lines[2]).toBe("b'hello'");
  });

  test("GraphQL", async () => {
    const [devices, streams, page] = (await python(query)).trim().split("\n");
    expect(devices).toBe("{'devices': [{'id': 'rover', 'meta': {'wheels': 6}, 'streams': []}]}");
    expect(streams).toBe(
      "{'streams': [{'id': 'my-stream', 'meta': {'format': 'text'}, 'lastEntryString': 'hello'}]}",
    );
    expect(page).toMatch(
      /^\{'stream': \{'entries': \{'nodes': \[.*'hello'\}, .*'world'\}\], 'pageInfo': \{'endCursor': '\d+-\d+'\}\}\}\}$/,
    );
    expect(await python(follow)).toMatch(
      /^\{'streamId': 'my-stream', 'time': '\d+-\d+', 'string': 'hello'\}\n$/,
    );
  });

  test("history over more than one page", async () => {
    const before = (await stored()).length;
    const body = JSON.stringify(Array.from({ length: 250 }, (_, i) => ["my-stream", null, `n${i}`]));
    await fetch(`${gateway.http}/data/my-stream?format=json`, { method: "POST", body });
    const lines = (await python(history)).trim().split("\n");
    expect(lines).toHaveLength(before + 250);
    expect(lines[0]).toMatch(/^\d+-\d+ hello$/);
    expect(lines.at(-1)).toMatch(/^\d+-\d+ n249$/);
  });

  test("the JavaScript client", async () => {
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", here(script)], {
      cwd: root,
    });
    expect(stdout).toMatch(
      /^\d+-\d+\nimu { x: 1 }\nimu { x: 2 }\nimu { x: 3 }\n{"x":3}\n\[ \[ 'rover:imu', 3 \] \]\n$/,
    );
  });

  test("workers of both languages share a stream", async () => {
    const header = { headers: { "content-type": "text/plain" } };
    const workers = [
      spawn("/usr/bin/python3", ["-u", "-c", here(worker ?? "")], { env }),
      spawn(process.execPath, ["--input-type=module", "-e", here(jsWorker)], { cwd: root }),
    ];
    const outputs = workers.map(() => "");
    workers.forEach(({ stdout }, index) => {
      stdout.on("data", (chunk) => {
        outputs[index] += chunk;
      });
    });
    const sent: string[] = [];
    await until(
      () => `both receive entries: ${outputs.join("; ")}`,
      async () => {
        sent.push(`frame ${sent.length}`);
        await fetch(`${gateway.http}/data/frames`, { method: "POST", body: sent.at(-1) ?? "", ...header });
        return outputs.every((output) => output !== "");
      },
      30_000,
    );
    // Handlers of Python run in threads, whose line ends may come later.
    const received = () =>
      [...outputs.join("").matchAll(/\d+-\d+ (frame \d+) delivery 1/g)].map(([, frame = ""]) => frame);
    await until("all are received", () => received().length === sent.length);
    expect(received().sort()).toEqual(sent.sort());
    await until("all are acknowledged", async () => {
      const [group] = (await (await fetch(`${gateway.http}/data/frames/work`)).json()) as {
        pending: number;
      }[];
      return group?.pending === 0;
    });
    for (const each of workers) each.kill("SIGINT");
    await Promise.all(workers.map((each) => once(each, "exit")));
  });

  test("curl", async () => {
    const { stdout } = await run("bash", ["-c", here(shell[0] ?? "")]);
    expect(stdout).toMatch(/^\["\d+-\d+"\]\[\["my-stream"/);
    const newest = await fetch(`${gateway.http}/data/my-stream?last_entry_id=0&latest=1`);
    expect(await newest.text()).toBe("hello");
  });
});

describe("commands of the sample client", () => {
  const commands = blocks("text")
    .flatMap((block) => block.split("\n"))
    .filter((line) => line.startsWith("npx redis-streamer "));

  interface Running {
    /** Output so far, of both streams. */
    output(): string;
    /** Stops it by Ctrl-C, and waits until all output has ended. */
    interrupt(): Promise<void>;
  }

  /** Process groups of commands. A test that fails does not interrupt them. */
  const groups = new Set<number>();
  afterEach(() => {
    for (const group of groups) process.kill(-group, "SIGKILL");
    groups.clear();
  });

  function start(command: string): Running {
    const child = spawn("bash", ["-c", `exec ${command}`], {
      cwd: root,
      env: { ...process.env, REDIS_STREAMER_URL: gateway.http },
      // In its own process group, which receives the signal as a whole, as in a terminal.
      detached: true,
    });
    let output = "";
    for (const source of [child.stdout, child.stderr])
      source.on("data", (chunk) => {
        output = (output + chunk).slice(-20_000);
      });
    const group = child.pid ?? Number.NaN;
    groups.add(group);
    const ended = once(child, "close").then(() => groups.delete(group));
    return {
      output: () => output,
      async interrupt() {
        process.kill(-group, "SIGINT");
        await ended;
      },
    };
  }

  const length = async (stream: string) => Number(await redis.control.call("XLEN", `default:${stream}`));

  test("are all covered by this test", () => {
    expect(commands).toEqual([
      "npx redis-streamer push-increment counter",
      "npx redis-streamer pull-raw counter",
      "npx redis-streamer push-image blah --shape '[700,700,3]'",
      "npx redis-streamer push-image blah_gray --shape '[400,200]'",
      "npx redis-streamer pull-image blah --latest",
    ]);
  });

  test("push and pull", async () => {
    const [pushCounter = "", pullCounter = "", pushImage = "", pushGray = "", pullImage = ""] = commands;
    const pullers = [start(pullCounter), start(pullImage)];
    const readers = async () =>
      Number(
        /^redis_streamer_readers (\d+)$/m.exec(await (await fetch(`${gateway.http}/metrics`)).text())?.[1],
      );
    await until(
      () => `both pull: ${pullers.map((puller) => puller.output()).join("; ")}`,
      async () => (await readers()) >= 2,
      30_000,
    );
    const pushers = [start(pushCounter), start(pushImage), start(pushGray)];
    await until(
      "all push",
      async () => {
        const lengths = await Promise.all(["counter", "blah", "blah_gray"].map(length));
        return lengths.every((entries) => entries >= 20);
      },
      20_000,
    );
    const [raw] = pullers;
    await until("the counter is pulled", () => /^counter: \d+-\d+ \| \d+$/m.test(raw?.output() ?? ""));
    for (const pusher of pushers) {
      await pusher.interrupt();
      expect(pusher.output()).toMatch(/push (counter|blah|blah_gray): [\d,]+ messages, .*\n$/);
    }
    for (const puller of pullers) {
      await puller.interrupt();
      expect(puller.output()).toMatch(/pull (counter|blah): [\d,]+ messages, .*\n$/);
    }
    const jpeg = await fetch(`${gateway.http}/data/blah_gray?last_entry_id=0&latest=1`);
    expect(Buffer.from(await jpeg.arrayBuffer()).readUInt16BE()).toBe(0xffd8);
  });
});
