/** Contexts: the file, and which gateway and key a command uses. */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { selectConnection } from "../../cli/connection.ts";
import { contextsFile, readContexts } from "../../cli/contexts.ts";
import type { GivenFlags } from "../../cli/options.ts";
import { createProgram } from "../../cli/program.ts";
import { testIo } from "../support/programs/command-line.ts";

let dir: string;
let env: { XDG_CONFIG_HOME: string };
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "streamer-contexts-"));
  env = { XDG_CONFIG_HOME: dir };
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function context(...args: string[]): Promise<{ out: string[]; notes: string[] }> {
  const out: string[] = [];
  const notes: string[] = [];
  const io = testIo({ print: (line) => void out.push(line), note: (line) => void notes.push(line) });
  await createProgram({ ...io, env }).parseAsync(["context", ...args], { from: "user" });
  return { out, notes };
}

test("are stored for the owner only, listed, selected and deleted", async () => {
  await context("set", "lab", "--url", "https://lab:8000", "--token", "rsk_secret");
  await context("set", "home");
  const file = contextsFile(env);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await context("list")).out).toEqual([
    "* lab  https://lab:8000  (with a key)",
    "  home  http://127.0.0.1:8000",
  ]);
  await context("use", "home");
  await context("rm", "lab");
  expect(readContexts(file)).toEqual({
    current: "home",
    contexts: { home: { url: "http://127.0.0.1:8000" } },
  });
  await context("rm", "home");
  expect(readContexts(file)).toEqual({ contexts: {} });
  await expect(context("use", "lab")).rejects.toThrow('no context "lab"');
  await expect(context("use", "toString")).rejects.toThrow('no context "toString"');
});

describe("which gateway a command uses", () => {
  beforeEach(async () => {
    await context("set", "lab", "--url", "http://lab", "--token", "lab-key");
    await context("set", "home", "--url", "http://home");
  });

  test.each<[string, GivenFlags, GivenFlags, object]>([
    ["the current context", {}, {}, { url: "http://lab", token: "lab-key" }],
    ["a flag selects another", { context: "home" }, {}, { url: "http://home" }],
    ["a variable selects another", {}, { context: "home" }, { url: "http://home" }],
    ["a URL replaces the context with its key", { url: "http://x" }, {}, { url: "http://x" }],
    ["so does a URL in a variable", {}, { url: "http://x", token: "k" }, { url: "http://x", token: "k" }],
    [
      "a URL wins over a context in a variable",
      { url: "http://x" },
      { context: "home" },
      { url: "http://x" },
    ],
    [
      "a context wins over a URL in a variable",
      { context: "home" },
      { url: "http://x" },
      { url: "http://home" },
    ],
    ["its key wins over a variable", {}, { token: "other" }, { url: "http://lab", token: "lab-key" }],
    ["a flag wins over its key", { token: "mine" }, {}, { url: "http://lab", token: "mine" }],
  ])("%s", (_name, flags, variables, expected) => {
    const isFlag = (name: keyof GivenFlags) => flags[name] !== undefined;
    expect(selectConnection({ ...variables, ...flags }, isFlag, env)).toEqual(expected);
  });

  test("a URL and a context cannot be used together, and an unknown context is named", () => {
    expect(() => selectConnection({ url: "http://x", context: "lab" }, () => true, env)).toThrow(
      "cannot be used together",
    );
    expect(() => selectConnection({ context: "nope" }, () => false, env)).toThrow("it has lab, home");
  });
});

test.each([
  ["{", /is not valid/],
  ["[]", /the file must be an object/],
  ['{"contexts": {"a": {}}}', /context "a" must have a "url"/],
  ['{"contexts": {"a": {"url": "x", "token": 1}}}', /"token" of context "a" must be a string/],
])("rejects the file %s", (text, message) => {
  const file = contextsFile(env);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  expect(() => readContexts(file)).toThrow(message);
});

test("without the variable, the file is in the home folder", () => {
  expect(contextsFile({ HOME: "/home/me" })).toBe("/home/me/.config/redis-streamer/config.json");
  expect(contextsFile({ HOME: "/home/me", XDG_CONFIG_HOME: "relative" })).toBe(
    "/home/me/.config/redis-streamer/config.json",
  );
});
