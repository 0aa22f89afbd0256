/**
 * File formats of a downloaded range: JSON lines, CSV, the concatenated payloads, or a tar file with one file per payload.
 */
import type { FieldValue, PulledEntry } from "../../client/browser.ts";
import { extensionOf } from "../../src/domain/content/detection.ts";
import { isoTime } from "../../src/domain/streams/entry-id.ts";
import { numbersOf, parsedOf, textOf } from "../viewers/content.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar.ts";

/** A part of a file. */
export type FilePart = string | Uint8Array<ArrayBuffer>;

/** File format of a downloaded range. */
export interface ExportForm {
  readonly id: string;
  readonly title: string;
  /** File name extension. */
  readonly extension: string;
  /** Yields the parts of the file while entries are read. */
  write(entries: AsyncIterable<PulledEntry>): AsyncGenerator<FilePart, void, undefined>;
}

/** All file formats. */
export const EXPORT_FORMS: readonly ExportForm[] = [
  {
    id: "jsonl",
    title: "JSON lines: one entry per line",
    extension: "jsonl",
    async *write(entries) {
      for await (const entry of entries) yield `${jsonLine(entry)}\n`;
    },
  },
  { id: "csv", title: "CSV: numbers of JSON payloads, and fields", extension: "csv", write: csv },
  {
    id: "raw",
    title: "Raw: concatenated payloads",
    extension: "bin",
    async *write(entries) {
      for await (const entry of entries) yield entry.bytes() as Uint8Array<ArrayBuffer>;
    },
  },
  { id: "tar", title: "Tar: one file per payload", extension: "tar", write: tar },
];

/**
 * Formats one entry: `{"id", "time", "json" | "text" | "base64", "fields"?}`. The member name states the type of the
 * payload, so that text that looks like a number stays text.
 */
function jsonLine(entry: PulledEntry): string {
  const json = parsedOf(entry, "json");
  const text = json === undefined ? textOf(entry) : undefined;
  const payload =
    json !== undefined ? { json } : text !== undefined ? { text } : { base64: base64Of(entry.data) };
  const fields =
    entry.fields && Object.fromEntries([...entry.fields].map(([name, value]) => [name, shownField(value)]));
  return JSON.stringify({
    id: entry.id,
    time: isoTime(entry.timeMs),
    ...payload,
    ...(fields && { fields }),
  });
}

/** Formats a field. A repeated field is a list. */
const shownField = (value: FieldValue) => (value instanceof Uint8Array ? shown(value) : value.map(shown));

const shown = (value: Uint8Array) => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(value);
  } catch {
    return { base64: base64Of(value) };
  }
};

/** Bytes converted per call. The number of arguments of a call is limited. */
const CHUNK = 0x8000;

function base64Of(data: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < data.length; at += CHUNK)
    binary += String.fromCharCode(...data.subarray(at, at + CHUNK));
  return btoa(binary);
}

/** Writes a row for each entry with numbers or fields (RFC 4180). The first row determines the columns. */
async function* csv(entries: AsyncIterable<PulledEntry>): AsyncGenerator<FilePart, void, undefined> {
  let columns: readonly string[] | undefined;
  for await (const entry of entries) {
    const cells = cellsOf(entry);
    if (cells.size === 0) continue;
    if (columns === undefined) {
      columns = [...cells.keys()];
      yield `${["id", "time", ...columns].map(csvField).join(",")}\r\n`;
    }
    const values = columns.map((name) => csvField(cells.get(name) ?? ""));
    yield `${[entry.id, isoTime(entry.timeMs) ?? "", ...values].join(",")}\r\n`;
  }
}

/** Returns the cells of an entry by column: numbers of the payload, then fields. A field `x` is named `fields.x` if the payload has an `x`. */
function cellsOf(entry: PulledEntry): ReadonlyMap<string, string> {
  const cells = new Map<string, string>();
  if (entry.data.length > 0) for (const [name, value] of numbersOf(entry)) cells.set(name, String(value));
  for (const [name, value] of entry.fields ?? []) {
    const shownValue = shownField(value);
    const text = typeof shownValue === "string" ? shownValue : JSON.stringify(shownValue);
    cells.set(cells.has(name) ? `fields.${name}` : name, text);
  }
  return cells;
}

const csvField = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

async function* tar(entries: AsyncIterable<PulledEntry>): AsyncGenerator<FilePart, void, undefined> {
  for await (const entry of entries) {
    const data = entry.bytes() as Uint8Array<ArrayBuffer>;
    yield tarHeader(`${entry.id}.${extensionOf(data)}`, data.length, entry.timeMs);
    yield data;
    yield tarPadding(data.length);
  }
  yield tarEnd();
}
