/** `push`: stores lines, files or framed entries in a stream. */
import { randomUUID } from "node:crypto";
import type { CommandRow } from "../../command.ts";
import { openStreamer } from "../../connection.ts";
import { usageError } from "../../exit-codes.ts";
import { pushLoop } from "../../loops/push-loop.ts";
import { COUNT, NAMING, type NamingFlags, parseRate } from "../../options.ts";
import type { Io } from "../../output/io.ts";
import { type Framing, payloadsOf } from "./inputs.ts";

interface Flags extends NamingFlags {
  readonly lines?: true;
  readonly whole?: true;
  readonly lengthPrefixed?: true;
  readonly field?: Readonly<Record<string, string[]>>;
  readonly contentType?: string;
  readonly rate: number;
  readonly count?: number;
  readonly dedupe: boolean;
}

/** The command. */
export const push: CommandRow = {
  name: "push",
  group: "Streams",
  summary: "store lines, files or framed entries",
  details:
    "store each line of standard input, or each file, as one entry; after a lost connection, unacknowledged entries are sent again, and each is stored once",
  arguments: [
    { name: "<stream>", doc: "stream to push to; the name is literal", kind: "stream" },
    { name: "[files...]", doc: "files, an entry each; - is standard input (default: -)", kind: "file" },
  ],
  options: [
    ...NAMING,
    { flags: "--lines", doc: "each line is one entry (default for standard input)" },
    { flags: "--whole", doc: "each input is one entry (default for files)" },
    {
      flags: "--length-prefixed",
      doc: "each entry follows its length in bytes, unsigned, 32 bits, big-endian",
    },
    { flags: "--field <name=value>", doc: "field of every entry; may be repeated", parse: parseField },
    { flags: "--content-type <type>", doc: "declare the media type of the stream" },
    {
      flags: "--rate <rate>",
      doc: "entries per second; 0 sends as fast as they are acknowledged",
      parse: parseRate,
      fallback: 0,
    },
    COUNT,
    {
      flags: "--no-dedupe",
      doc: "three times as fast, but entries that are not acknowledged when a connection is lost are not sent again",
    },
  ],
  examples: [
    "tail -f log.jsonl | redis-streamer push log --content-type application/json",
    "redis-streamer push cam *.jpg --rate 30",
  ],
  run: (io, [stream, files]: [string, readonly string[]], flags: Flags) => runPush(io, stream, files, flags),
};

async function runPush(io: Io, stream: string, files: readonly string[], flags: Flags): Promise<void> {
  const { device, prefix, contentType, field, rate: fps } = flags;
  if (files.filter((file) => file === "-").length > 1) throw usageError("standard input can be read once");
  const framing = framingOf(flags, files);
  const payloads = payloadsOf(files.length === 0 ? ["-"] : files, framing, io.input);
  if (io.input.isTTY === true && (files.length === 0 || files.includes("-")))
    io.terminal.note("reading from the terminal; Ctrl-D ends");
  // Reading a terminal or a pipe that has nothing to send must not delay the end.
  const stopReading = () => void io.input.destroy();
  io.signal.addEventListener("abort", stopReading, { once: true });
  if (contentType !== undefined)
    await openStreamer(flags).declare(stream, { contentType }, { device, prefix, signal: io.signal });
  const options = field === undefined ? undefined : { options: { fields: field } };
  try {
    await pushLoop(
      io,
      stream,
      { ...flags, fps, dedupe: flags.dedupe ? `push-${randomUUID()}` : undefined },
      async () => {
        const { value } = await payloads.next();
        return value === undefined ? undefined : { data: value, ...options };
      },
    );
  } finally {
    io.signal.removeEventListener("abort", stopReading);
    // Standard input that was not read to its end would keep the process running.
    io.input.destroy();
  }
}

function framingOf({ lines, whole, lengthPrefixed }: Flags, files: readonly string[]): Framing {
  const given = [lines && "lines", whole && "whole", lengthPrefixed && "length-prefixed"] as const;
  const [framing, ...others] = given.filter((one) => one !== undefined);
  if (others.length > 0) throw usageError("--lines, --whole and --length-prefixed cannot be used together");
  const isInput = files.length === 0 || (files.length === 1 && files[0] === "-");
  return framing || (isInput ? "lines" : "whole");
}

/** Adds a field. A repeated name is a repeated field. @throws Error */
function parseField(text: string, before: unknown): Readonly<Record<string, string[]>> {
  const at = text.indexOf("=");
  const name = text.slice(0, at);
  if (at < 1 || name === "d") throw new Error(`must be NAME=VALUE with a name other than d, got "${text}"`);
  const fields = (before ?? {}) as Readonly<Record<string, string[]>>;
  return { ...fields, [name]: [...(fields[name] ?? []), text.slice(at + 1)] };
}
