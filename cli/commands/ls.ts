/** `ls`: lists streams with their rates, once or every second. */

import { StreamerError } from "../../client/index.ts";
import { sleep } from "../../src/domain/scheduling/sleep.ts";
import type { CommandRow } from "../command.ts";
import { openStreamer } from "../connection.ts";
import { DEVICE, JSON_OUTPUT, type NamingFlags } from "../options.ts";
import type { Io } from "../output/io.ts";
import { oneLine } from "../output/payload-text.ts";
import { ageText, countText, rateText, sizeText } from "../output/quantities.ts";
import { tableLines } from "../output/table.ts";
import type { Terminal } from "../output/terminal.ts";
import { type ListedStream, StreamLister } from "../streams/stream-list.ts";

interface Flags extends NamingFlags {
  readonly watch?: true;
  readonly json?: true;
}

/** Interval of `--watch`, ms. */
const WATCH_MS = 1_000;
const HEAD = ["STREAM", "ENTRIES", "RATE", "BYTES/S", "AGE", "KEPT", "CONTENT TYPE"];
const RIGHT = new Set([1, 2, 3, 4, 5]);

/** The command. */
export const ls: CommandRow = {
  name: "ls",
  group: "Streams",
  summary: "list streams: entries, rate, bytes/s, age, kept span",
  details:
    "list streams: entries, entries per second, bytes per second (estimated by the last entry), age of the last entry, kept span, declared content type",
  arguments: [
    { name: "[pattern]", doc: "names to list, such as cam-*; with a colon, device:stream", kind: "stream" },
  ],
  options: [
    { ...DEVICE, doc: "only streams of this device, or of a pattern of devices" },
    { flags: "-w, --watch", doc: "refresh every second" },
    { ...JSON_OUTPUT, doc: "print one JSON object per stream and line" },
  ],
  examples: ["redis-streamer ls --watch", "redis-streamer ls 'rover:cam-*' --json | jq .entries"],
  async run(io, [pattern]: [string | undefined], flags: Flags) {
    const { terminal, signal } = io;
    const { device, watch, json } = flags;
    const lister = new StreamLister(openStreamer(flags), { pattern, device }, signal);
    const print = async (streams: readonly ListedStream[]) => {
      if (json) for (const stream of streams) await terminal.print(JSON.stringify(stream));
      else await printTable(terminal, streams, watch === true);
    };
    await print(await lister.list());
    if (watch) await refresh(io, lister, print);
  },
};

/** Refreshes the list until the signal aborts. It survives a restart of the gateway. */
async function refresh(
  { terminal, signal }: Io,
  lister: StreamLister,
  print: (streams: readonly ListedStream[]) => Promise<void>,
): Promise<void> {
  let isLost = false;
  while (!signal.aborted) {
    await sleep(WATCH_MS, signal);
    try {
      await print(await lister.list());
      isLost = false;
    } catch (error) {
      if (signal.aborted || !(error instanceof StreamerError && error.retryable)) throw error;
      if (!isLost) terminal.note(`${error.message}; retrying, Ctrl-C stops`);
      isLost = true;
    }
  }
}

async function printTable(
  terminal: Terminal,
  streams: readonly ListedStream[],
  isRedrawn: boolean,
): Promise<void> {
  const [head = "", ...lines] = tableLines([HEAD, ...streams.map(cellsOf)], RIGHT);
  if (isRedrawn) terminal.redraw(head, lines);
  else if (lines.length === 0) terminal.note("no streams match");
  else for (const line of [terminal.bold(head), ...lines]) await terminal.print(line);
}

const cellsOf = (stream: ListedStream): string[] => [
  oneLine(stream.key),
  countText(stream.entries),
  rateText(stream.perSecond),
  `${sizeText(stream.bytesPerSecond)}/s`,
  stream.ageMs === undefined ? "" : ageText(stream.ageMs),
  ageText(stream.keptMs),
  oneLine(stream.contentType ?? ""),
];
