/** `redis-streamer keys` with arguments as typed. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { keys } from "../../../cli/commands/keys.ts";
import { createProgram } from "../../../cli/program.ts";
import { isKey, readKeyFile } from "../../../src/access/identity/key-file.ts";

let dir: string;
let file: string;
let printed: string[];
let noted: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "streamer-cli-"));
  file = join(dir, "keys.json");
  printed = [];
  noted = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function run(...args: string[]): Promise<void> {
  const terminal = {
    print: (line: string) => void printed.push(line),
    note: (line: string) => void noted.push(line),
    progress: () => undefined,
    mute: () => undefined,
  };
  const io = { terminal, signal: new AbortController().signal, now: () => performance.now() };
  const program = createProgram(io as unknown as Parameters<typeof createProgram>[0]);
  const silence = { writeErr: () => undefined, writeOut: () => undefined };
  for (const one of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)])
    one.configureOutput(silence);
  await program.parseAsync(["keys", ...args, "--file", file], { from: "user" });
}

describe("a key", () => {
  test("is printed once; the file contains only its hash and is readable only by its owner", async () => {
    await run("add", "lab", "--allow", "read:glasses:*", "write:*:imu*", "--expires", "30d");
    const [secret = ""] = printed;
    expect(printed).toHaveLength(1);
    expect(secret).toMatch(/^rsk_[0-9a-f]{12}_[\w-]{43}$/);
    expect(readFileSync(file, "utf8")).not.toContain(secret.slice(-43));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const [key] = readKeyFile(file);
    expect(key && isKey(key, secret)).toBe(true);
    expect(key && isKey(key, `${secret.slice(0, -1)}-`)).toBe(false);
    expect((key?.expiresAtMs ?? 0) - Date.now()).toBeGreaterThan(29 * 86_400_000);
  });

  test("is listed, and revoked by name or id; a name revokes all its keys", async () => {
    await run("add", "one", "--allow", "admin");
    await run("add", "two", "--allow", "read");
    await run("add", "two", "--allow", "write");
    await run("add", "panel", "--link", "--allow", "read:rover:*");
    printed = [];
    await run("list");
    expect(printed.map((line) => line.replace(/^\w{12}/, "ID"))).toEqual([
      "ID  one  admin:*",
      "ID  two  read:*",
      "ID  two  write:*",
      "ID  panel  read:rover:*  link",
    ]);
    await run("revoke", "two", "panel");
    expect(readKeyFile(file).map(({ name }) => name)).toEqual(["one"]);
    await run("revoke", readKeyFile(file)[0]?.id ?? "");
    expect(readKeyFile(file)).toEqual([]);
  });

  test.each([
    ["without a permission", ["add", "lab"]],
    ["with an invalid permission", ["add", "lab", "--allow", "reed:*"]],
    ["with a name that contains control characters", ["add", "a b\n", "--allow", "read"]],
    ["that has expired", ["add", "lab", "--allow", "read", "--expires", "2020-01-01"]],
    ["that does not exist", ["revoke", "lab"]],
  ])("%s is rejected, and the file is unchanged", async (_, args) => {
    await expect(run(...args)).rejects.toThrow();
    expect(readKeyFile(file)).toEqual([]);
  });
});

describe("warns of a permission that probably means another one", () => {
  test.each([
    ["write:lab", "write:lab allows only keys without a device", "write:lab:*", "write:default:lab"],
    ["read:lab*", "read:lab* allows only keys without a device", "read:lab*:*", "read:default:lab*"],
    ["admin:lab:", "admin:lab: allows no stream", "admin:lab:*", ""],
    ["read::", "read:: allows no stream", "read:*:*", ""],
  ])("%s", async (permission, warning, ...alternatives) => {
    await run("add", "lab", "--allow", "read:a:b", permission);
    expect(noted[0]).toMatch(/^warning: /);
    for (const text of [warning, ...alternatives]) expect(noted[0]).toContain(text);
    expect(noted).toHaveLength(2);
    expect(readKeyFile(file)).toHaveLength(1);
  });

  test.each([
    "write:lab:*",
    "read:*:imu*",
    "read::metrics",
    "read::event:*",
    "read",
    "admin:*",
    "read:a:b:c",
  ])("but not of %s", async (permission) => {
    await run("add", "lab", "--allow", permission);
    expect(noted).toHaveLength(1);
  });
});

test("the permissions in the help of --allow are accepted", async () => {
  const { doc = "" } = keys.commands?.[0]?.options?.find(({ flags }) => flags.startsWith("--allow")) ?? {};
  const permissions = doc.match(/\b(read|work|write|admin)\b(:[\w:*]+)?/g) ?? [];
  expect(permissions).toEqual(["read", "work", "write", "admin", "read:glasses:*", "write:*:imu*"]);
  await run("add", "lab", "--allow", ...permissions);
  expect(readKeyFile(file)[0]?.grants).toHaveLength(permissions.length);
});

test.each(["*", "*:*", "glasses:*"])(
  "a pattern %s without an action is rejected, with one of each kind",
  async (text) => {
    await expect(run("add", "lab", "--allow", text)).rejects.toThrow(
      /must start with one of read, work, write, admin, such as read:\* .* or admin \(everything\), got/,
    );
  },
);

test.each([
  ["{", "not a valid keys file"],
  ["[]", "not a valid keys file"],
  ['{"keys":[{"id":"a"}]}', "key 1 must have an id, a name and a hash"],
  ['{"keys":[{"id":"a","name":"n","hash":"x","permissions":[]}]}', "must be a SHA-256"],
  [
    `{"keys":[{"id":"a","name":"n","hash":"${"0".repeat(64)}","permissions":["fly"]}]}`,
    "must start with one of",
  ],
])("reports why a key file is invalid: %s", (text, why) => {
  writeFileSync(file, text);
  expect(() => readKeyFile(file)).toThrow(why);
});
