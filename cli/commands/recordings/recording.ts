/** `recording`: shows the content of a recording, and whether it is complete. */
import type { RecordingReader } from "../../../src/recordings/files/read-recording.ts";
import type { CommandRow } from "../../command.ts";
import { CommandError } from "../../exit-codes.ts";
import { JSON_OUTPUT } from "../../options.ts";
import type { Io } from "../../output/io.ts";
import { oneLine } from "../../output/payload-text.ts";
import { ageText, countText, sizeText } from "../../output/quantities.ts";
import { tableLines } from "../../output/table.ts";
import { fileError, openFile } from "../../recordings/open.ts";

interface Flags {
  readonly json?: true;
  readonly check?: true;
}

/** The command. */
export const recording: CommandRow = {
  name: "recording",
  group: "Recordings",
  summary: "show channels, counts, times and sizes of an MCAP file",
  details:
    "show channels, counts, times, sizes, gaps and notes of an MCAP file; exit code 1 if it is damaged or not finished",
  arguments: [{ name: "<file>", doc: "MCAP file", kind: "file" }],
  options: [
    JSON_OUTPUT,
    {
      flags: "--check",
      doc: "read every entry and compare all checksums; exit code 1 and a line for each problem",
    },
  ],
  isLocal: true,
  run: (io, [file]: [string], flags: Flags) => showRecording(io, file, flags),
};

async function showRecording({ terminal, signal }: Io, path: string, { json, check }: Flags): Promise<void> {
  await using file = await openFile(path);
  const notes = await file.notes().catch((error: unknown) => {
    throw fileError(path, error);
  });
  for (const line of json ? [jsonOf(file, notes)] : textOf(file, notes)) await terminal.print(line);
  if (check) {
    let problems = 0;
    await file.check(signal, (line) => {
      problems++;
      terminal.fail(`${path}: ${oneLine(line)}`);
    });
    if (problems > 0)
      throw new CommandError(`${path} has ${problems === 1 ? "1 problem" : `${problems} problems`}`);
    if (signal.aborted) return;
    terminal.note("every entry can be read, and all checksums match");
  }
  if (!file.isFinished)
    throw new CommandError(
      `${path} has no end: it is still written, or was interrupted; it has the entries above`,
    );
}

function jsonOf(
  { bytes, library, isFinished, entries, span, gaps, channels }: RecordingReader,
  notes: ReadonlyMap<string, string>,
): string {
  const time = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());
  const times = { from: time(span?.fromMs), to: time(span?.toMs) };
  const texts = Object.fromEntries(notes);
  return JSON.stringify({ bytes, library, isFinished, entries, ...times, gaps, notes: texts, channels });
}

function textOf(
  { bytes, library, entries, span, gaps, channels }: RecordingReader,
  notes: ReadonlyMap<string, string>,
): string[] {
  const range = span && `${new Date(span.fromMs).toISOString()} to ${new Date(span.toMs).toISOString()}`;
  const rows = channels.map(({ stream, entries: count, encoding, schema }) => [
    oneLine(stream.key),
    countText(count),
    oneLine(stream.contentType ?? ""),
    oneLine([encoding, ...(schema === undefined ? [] : [schema])].join(" ")),
  ]);
  return [
    `written by  ${oneLine(library)}`,
    `size        ${sizeText(bytes)}`,
    `entries     ${countText(entries)}`,
    `time        ${span === undefined ? "none" : `${range} (${ageText(span.toMs - span.fromMs)})`}`,
    ...(gaps === 0 ? [] : [`gaps        ${countText(gaps)}; entries between their ids may be missing`]),
    ...[...notes].map(([key, text]) => `note        ${oneLine(key)}: ${oneLine(text)}`),
    "",
    ...tableLines([["STREAM", "ENTRIES", "CONTENT TYPE", "ENCODING"], ...rows], new Set([1])),
  ];
}
