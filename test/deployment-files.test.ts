/** The files beside the program that name its settings: each has to know the whole table. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readSettings, SETTINGS } from "../src/settings.ts";

const rows = Object.values(SETTINGS);
const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");

it(".env.sample shows each setting with its line and its default, and changes nothing", () => {
  const sample = read(".env.sample");
  expect([...sample.matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name)).toEqual(rows.map(({ env }) => env));
  for (const { env, doc, unit, fallback } of rows)
    expect(sample).toContain(`\n# ${doc}${unit === "" ? "" : ` (${unit})`}\n#${env}=${fallback}\n`);
  expect(sample.split("\n").filter((line) => line !== "" && !line.startsWith("#"))).toEqual([]);
});

it("compose.yaml hands each setting on, except what it decides itself", () => {
  const [, gateway = ""] = /\n {2}gateway:\n([\s\S]*?)\n {2}redis:\n/.exec(read("compose.yaml")) ?? [];
  const given = new Map(
    [...gateway.matchAll(/^ {6}([A-Z_]+): (.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  const decided = { HOST: "0.0.0.0", PORT: '"8000"', REDIS_URL: "redis://redis:6379" };
  for (const [name, value] of Object.entries(decided)) expect(given.get(name)).toBe(value);
  // Those of the managed Redis, which does not run here.
  const left = new Set([...Object.keys(decided), "DATA_DIR", "REDIS_FSYNC"]);
  const handedOn = rows.map(({ env }) => env).filter((env) => !left.has(env));
  for (const env of handedOn) expect(given.get(env)).toBe(`\${${env}:-}`);
  expect(given.size).toBe(handedOn.length + Object.keys(decided).length);
});

it("the Dockerfile copies all that is compiled, and sets only what the program knows", () => {
  const dockerfile = read("Dockerfile");
  const [, variables = ""] = /^ENV NODE_ENV=production (.*)$/m.exec(dockerfile) ?? [];
  const env = Object.fromEntries(variables.split(" ").map((pair) => pair.split("=")));
  expect(Object.keys(env)).toEqual(["HOST", "DATA_DIR"]);
  expect(readSettings([], env)).toMatchObject({ host: "0.0.0.0", dataDir: "/data" });
  for (const line of read(".dockerignore").matchAll(/^!(.*)$/gm)) expect(dockerfile).toContain(line[1]);
});
