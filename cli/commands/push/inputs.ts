/** Splits files and standard input into the payloads of entries. */
import { createReadStream } from "node:fs";
import { CommandError } from "../../exit-codes.ts";
import { errorText } from "../../output/error-text.ts";

/** Division of an input into entries. */
export type Framing = "lines" | "whole" | "length-prefixed";

type Bytes = AsyncIterable<Uint8Array>;

/** Maximum number of bytes of one entry that are read from an input: above the default limit of the gateway. */
const MAX_BYTES = 256 * 2 ** 20;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** Bytes of a length: unsigned, big-endian. */
const LENGTH_BYTES = 4;

/** Yields payloads. @param files paths; `-` is standard input @throws CommandError, and errors of the file system */
export async function* payloadsOf(
  files: readonly string[],
  framing: Framing,
  input: Bytes,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const file of files) {
    const name = file === "-" ? "standard input" : file;
    const source = file === "-" ? input : readChunks(file);
    if (framing === "lines") yield* linesOf(source, name);
    else if (framing === "length-prefixed") yield* prefixedOf(source, name);
    else yield await wholeOf(source, name);
  }
}

async function* readChunks(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* createReadStream(file);
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${errorText(error)}`);
  }
}

async function wholeOf(source: Bytes, name: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of source) {
    length += part.length;
    checkLength(length, name);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Yields lines without their ends; the last one need not have an end. */
async function* linesOf(source: Bytes, name: string): AsyncGenerator<Uint8Array, void, undefined> {
  let parts: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield withoutReturn(Buffer.concat([...parts, chunk.subarray(start, end)]));
      parts = [];
      held = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    held += chunk.length - start;
    checkLength(held, name);
    parts.push(chunk.subarray(start));
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}

/** Rejects an input without line ends before it fills the memory. */
function checkLength(length: number, name: string): void {
  if (length > MAX_BYTES)
    throw new CommandError(`${name}: an entry must have at most ${MAX_BYTES} bytes, got ${length} or more`);
}

const withoutReturn = (line: Uint8Array): Uint8Array =>
  line.at(-1) === RETURN ? line.subarray(0, -1) : line;

async function* prefixedOf(source: Bytes, name: string): AsyncGenerator<Uint8Array, void, undefined> {
  let held = Buffer.alloc(0);
  for await (const chunk of source) {
    held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
    while (held.length >= LENGTH_BYTES) {
      const length = held.readUInt32BE();
      if (length > MAX_BYTES)
        throw new CommandError(`${name}: a length must be at most ${MAX_BYTES}, got ${length}`);
      if (held.length < LENGTH_BYTES + length) break;
      yield held.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
      held = held.subarray(LENGTH_BYTES + length);
    }
  }
  if (held.length > 0) throw new CommandError(`${name} ends in the middle of an entry`);
}
