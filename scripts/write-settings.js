#!/usr/bin/env node
// @ts-check
/** Writes `.env.sample` and docs/configuration.md from the settings tables in src/settings. Run `npm run prepare` before it. */
import { writeFileSync } from "node:fs";
import { settingsTable } from "../dist/src/settings/help.js";
import { SETTINGS } from "../dist/src/settings.js";

const sample = Object.values(SETTINGS).map(
  ({ env, doc, unit, fallback }) => `# ${doc}${unit === "" ? "" : ` (${unit})`}\n#${env}=${fallback}\n`,
);
const HEAD = `# All settings of Redis Streamer with their defaults. Copy this file to .env and uncomment the lines that you change.
# Environment variables take precedence over this file, and flags over both.
`;
write(".env.sample", [HEAD, ...sample].join("\n"));

const INTRODUCTION = `# Configuration

Each setting is an environment variable, a flag (\`npm start -- --port 9000\`) or a line in \`.env\`. Sizes accept the suffixes \`k\`, \`m\`
and \`g\`. [.env.sample](../.env.sample) lists all settings, ready to copy.
`;
write("docs/configuration.md", `${INTRODUCTION}\n${settingsTable()}\n`);

/** @param {string} path @param {string} text */
function write(path, text) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text);
}
