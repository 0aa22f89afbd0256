/** Text of `--help`, and the table of docs/configuration.md. */
import { SETTINGS } from "../settings.ts";
import { flagName } from "./row.ts";

/** Returns the text of `--help`. */
export function helpText(): string {
  const lines = Object.values(SETTINGS).map((one) => {
    const left = `  --${flagName(one.env)}`.padEnd(38) + one.env.padEnd(32);
    const unit = one.unit === "" ? "" : ` ${one.unit}`;
    return `${left}\n      ${one.doc} (default: ${one.fallback === "" ? "none" : one.fallback + unit})`;
  });
  return [
    "Redis Streamer: WebSocket, HTTP and GraphQL in front of Redis Streams.",
    "",
    "Usage: redis-streamer serve [flags], or in a clone: npm start -- [flags]",
    "",
    "Every flag is also an environment variable, and may be a line in .env:",
    "",
    ...lines,
    "",
    "  --help                              Show this help",
    "  --version                           Show the version",
    "",
  ].join("\n");
}

/** Returns the table of docs/configuration.md, in Markdown. */
export function settingsTable(): string {
  const cell = (value: string) => value.replaceAll("|", "\\|");
  const rows = Object.values(SETTINGS).map(
    (one) =>
      `| \`${one.env}\` | \`--${flagName(one.env)}\` | ${one.fallback === "" ? "" : `\`${cell(one.fallback)}\``} | ${one.unit} | ${cell(one.doc)} |`,
  );
  return [
    "| variable | flag | default | unit | what it does |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}
