#!/usr/bin/env node
// @ts-check
/**
 * Lints the Python files with ruff, and checks or restores their format: `node scripts/lint-python.js [--write]`. The rules
 * are in python/pyproject.toml, so that editors and the ruff program apply the same ones.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PositionEncoding, Workspace } from "@astral-sh/ruff-wasm-nodejs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
// Debian's own interpreter, which has a TOML parser.
const READ_RULES = `import json, tomllib
print(json.dumps(tomllib.load(open("python/pyproject.toml", "rb"))["tool"]["ruff"]))`;

/** @param {string} program @param {readonly string[]} args @returns {string} */
const output = (program, args) => execFileSync(program, args, { cwd: ROOT, encoding: "utf8" });

const isWrite = process.argv.includes("--write");
const workspace = new Workspace(
  JSON.parse(output("/usr/bin/python3", ["-c", READ_RULES])),
  PositionEncoding.Utf32,
);
const listed = ["ls-files", "--cached", "--others", "--exclude-standard", "*.py"];
const files = output("git", listed).split("\n").filter(Boolean);
/** @type {string[]} */
const problems = [];

/**
 * @typedef {{ row: number, column: number }} Position
 * @typedef {{ content: string | null, location: Position, end_location: Position }} Edit
 * @typedef {{ code: string | null, message: string, start_location: Position, fix: { edits: Edit[] } | null }} Diagnostic
 */

/** Sorts the imports. @param {string} code @returns {string} */
function sortImports(code) {
  /** @type {Diagnostic[]} */
  const found = workspace.check(code);
  const lines = code.split("\n");
  const at = (/** @type {Position} */ { row, column }) =>
    lines.slice(0, row - 1).join("\n").length + (row > 1 ? 1 : 0) + column - 1;
  const edits = found.flatMap(({ code: rule, fix }) => (rule === "I001" && fix !== null ? fix.edits : []));
  // From the end, so that an edit does not move those that follow.
  return edits.reduceRight(
    (text, { content, location, end_location: end }) =>
      text.slice(0, at(location)) + (content ?? "") + text.slice(at(end)),
    code,
  );
}

for (const file of files) {
  const original = readFileSync(`${ROOT}/${file}`, "utf8");
  const code = isWrite ? sortImports(original) : original;
  /** @type {Diagnostic[]} */
  const found = workspace.check(code);
  for (const { code: rule, message, start_location: at } of found)
    problems.push(`${file}:${at.row}:${at.column} ${rule ?? "syntax"} ${message}`);
  const formatted = workspace.format(code);
  if (formatted === original) continue;
  if (isWrite) writeFileSync(`${ROOT}/${file}`, formatted);
  else problems.push(`${file} is not formatted: run npm run format`);
}

process.stderr.write(problems.map((problem) => `${problem}\n`).join(""));
process.stdout.write(`Checked ${files.length} Python files.\n`);
if (problems.length > 0) process.exitCode = 1;
