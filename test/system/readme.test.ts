/** The README: its code samples run, and its table of settings is the program's. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { settingsTable } from "../../src/settings.ts";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";

const run = promisify(execFile);
const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map(([, code = ""]) => code);
/** The first command starts the gateway, which here the test has done. */
const shell = blocks("bash").filter((code) => code.includes("curl"));

let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const here = (code: string) => code.replaceAll("localhost:8000", new URL(gateway.http).host);
const stored = async () => {
  const answer = await fetch(`${gateway.http}/data/my-stream?last_entry_id=0&count=100&format=json`);
  return ((await answer.json()) as [string, string, string][]).map(([, , payload]) => payload);
};

test("the table of settings is the program's", () => {
  expect(readme).toContain(settingsTable());
});

describe("samples", () => {
  const [push, pushRaw, pull, pullMsgpack, requests, query, follow, ...others] = blocks("python");
  const python = async (code = "") => (await run("/usr/bin/python3", ["-c", here(code)])).stdout;

  test("all are known to this test", () => {
    expect(others).toEqual([]);
    expect(shell.length).toBe(1);
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

  test("curl", async () => {
    const { stdout } = await run("bash", ["-c", here(shell[0] ?? "")]);
    expect(stdout).toMatch(/^\["\d+-\d+"\]\[\["my-stream"/);
    expect((await stored()).at(-1)).toBe("hello");
  });
});
