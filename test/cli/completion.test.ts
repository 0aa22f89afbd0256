/** Completion: the candidates for a word, and the scripts in real shells. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMANDS } from "../../cli/commands.ts";
import { candidates } from "../../cli/completion/candidates.ts";
import { completionScript } from "../../cli/completion/scripts.ts";
import { createProgram } from "../../cli/program.ts";
import { startTestGateway, type TestGateway } from "../support/gateway/gateway.ts";
import { testIo } from "../support/programs/command-line.ts";
import { startRedis, type TestRedis } from "../support/redis/redis.ts";

const run = promisify(execFile);

let redis: TestRedis;
let gateway: TestGateway;
let bin: string;
beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  bin = mkdtempSync(join(tmpdir(), "streamer-bin-"));
  const command = fileURLToPath(new URL("../../dist/bin/redis-streamer.js", import.meta.url));
  symlinkSync(command, join(bin, "redis-streamer"));
  for (const name of ["cam-1", "cam-2", "$(touch pwned)", "line\nbreak"])
    await redis.control.call("XADD", `default:${name}`, "1-0", "d", "x");
  await redis.control.call("XADD", "rover:imu", "1-0", "d", "x");
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
  rmSync(bin, { recursive: true, force: true });
});

const complete = (...words: string[]) =>
  candidates(COMMANDS, words, async (kind, options) => [`${kind} ${[...options.entries()].join(";")}`]);

test.each([
  [["pu"], ["pull", "pull-image", "pull-raw", "push", "push-image", "push-increment"]],
  [
    ["meta", ""],
    ["get", "set"],
  ],
  [["context", "u"], ["use"]],
  [["pull", "--fo"], ["--format"]],
  [
    ["pull", "--format", ""],
    ["hex", "json", "raw", "text"],
  ],
  [["pull", "--url", "http://x", "--format", "j"], ["json"]],
  [["pull", "--device", "rover", ""], ["stream --device,rover"]],
  [["pull", "a", "b", "str"], ["stream "]],
  [["push", "cam", ""], [":files"]],
  [["push", "cam", "a.jpg", ""], [":files"]],
  [["ls", "--ca", ""], [":files"]],
  [["--context", ""], ["context "]],
  [["info", "a", ""], []],
  [["nope", ""], COMMANDS.map(({ name }) => name).sort()],
  [["pull", "--", "--f"], []],
] as const)("%j: %j", async (words, expected) => {
  expect(await complete(...words)).toEqual(expected);
});

test("streams of the gateway are completed, without control characters", async () => {
  const streams = async (...words: string[]) => {
    const out: string[] = [];
    const io = testIo({ print: (line) => void out.push(line) });
    await createProgram(io).parseAsync(["completion", "bash", "--", ...words], { from: "user" });
    return out;
  };
  const url = ["--url", gateway.http];
  expect(await streams("pull", ...url, "")).toEqual(["$(touch pwned)", "cam-1", "cam-2"]);
  expect(await streams("pull", ...url, "--device", "rover", "")).toEqual(["imu"]);
  expect(await streams("pull", "--url", "http://127.0.0.1:2", "")).toEqual([]);
});

test("the script of bash inserts names quoted, and evaluates none", async () => {
  const line = `
    source <(redis-streamer completion bash)
    COMP_WORDS=(redis-streamer pull --url ${gateway.http} ''); COMP_CWORD=4
    _redis_streamer
    printf '%s\\n' "\${COMPREPLY[@]}"
  `;
  const env = { PATH: `${bin}:${process.env.PATH}`, HOME: bin };
  const { stdout } = await run("bash", ["--norc", "-c", line], { cwd: bin, env });
  expect(stdout).toBe("\\$\\(touch\\ pwned\\)\ncam-1\ncam-2\n");
  expect(existsSync(join(bin, "pwned"))).toBe(false);
});

test.each(["bash", "zsh", "fish"] as const)("the script of %s has no syntax errors", (shell) => {
  if (!["/bin", "/usr/bin"].some((folder) => existsSync(join(folder, shell)))) return;
  execFileSync(shell, ["-n"], { input: completionScript(shell), stdio: ["pipe", "ignore", "inherit"] });
});
