/** Output formats of `pull`, a row each. */
import type { PulledEntry } from "../../../client/index.ts";
import { entryJson } from "../../output/entry-json.ts";
import { entryLine } from "../../output/entry-text.ts";
import { oneLine } from "../../output/payload-text.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Writes an entry. @returns a promise to await if the reader of the output is slower */
export type WriteEntry = (terminal: Terminal, entry: PulledEntry) => Promise<void> | undefined;

/** Writers by name of the format. */
export const FORMATS = {
  text: (terminal, entry) => terminal.print(entryLine(entry)),
  json: (terminal, entry) => terminal.print(entryJson(entry)),
  raw: (terminal, { data }) => terminal.write(data),
  hex: (terminal, { stream, id, data }) =>
    terminal.print(`${oneLine(stream)}: ${id} | ${Buffer.from(data).toString("hex")}`),
} as const satisfies Readonly<Record<string, WriteEntry>>;

/** Name of a format. */
export type FormatName = keyof typeof FORMATS;
