/** Parser of `multipart/form-data` bodies: each part named `entries` is one entry (docs/protocol.md, "POST entries"). */
import type { IncomingHttpHeaders } from "node:http";
import { Busboy, type BusboyHeaders, type BusboyInstance } from "@fastify/busboy";
import { GatewayError } from "../../../../domain/errors.ts";
import type { Slices, WorkSlices } from "../../../../domain/scheduling/work-slice.ts";
import { checkBatchSize, type PushedEntry } from "../../../../wire/push-batch.ts";

/** An entry of a body. */
export interface PostedEntry extends PushedEntry {
  /** Returns the media type that its body or part has of its own; undefined if it has none. */
  ownType?(): string | undefined;
}

/** Target and limits of a body. */
export interface BodyTarget {
  /** Stream of all entries, or `*`: each part's filename is its stream. */
  readonly stream: string;
  readonly maxEntries: number;
  readonly workSlices: WorkSlices;
}

/** Bytes passed to the parser per step: at most about 200 parts, which take a few ms. */
const STEP_BYTES = 16 * 1024;
/** Bytes searched for boundaries per step. */
const SEARCH_BYTES = 256 * 1024;
/** Maximum length of a boundary (RFC 2046, section 5.1.1). */
const MAX_BOUNDARY_CHARACTERS = 70;
/** Limits of the headers of one part: three headers are used, and a stream name of 1 KB may be percent-encoded. */
const MAX_PART_HEADERS = 32;
const MAX_PART_HEADER_BYTES = 8 * 1024;

const broken = (problem: string) => new GatewayError("BAD_BODY", `invalid multipart body: ${problem}`);

/**
 * Reads the parts. The parser creates several objects per part, so parts are counted first. The body is parsed in small
 * steps, so that other clients are served in between.
 *
 * @throws GatewayError BAD_BODY, or TOO_LARGE for more parts than `maxEntries`
 */
export async function readMultipart(
  headers: IncomingHttpHeaders,
  body: Buffer,
  { stream, maxEntries, workSlices }: BodyTarget,
): Promise<readonly PostedEntry[]> {
  const heads = await workSlices.run(findHeads(headers, body, maxEntries + 2));
  // A body has one boundary more than parts.
  checkBatchSize(heads.length - 1, maxEntries);
  const { parser, entries, failure } = openParser({ headers, body, stream }, (position, type) =>
    // The parser reports text/plain, the default, for a part without a type. It also skips parts that are not form data.
    type !== "text/plain" || (entries.length === heads.length - 1 && hasType(body, heads[position]))
      ? type
      : undefined,
  );
  const feeding = feed(parser, body, workSlices.begin(), () => failure() !== undefined);
  await Promise.race([feeding, new Promise((resolve) => parser.once("error", resolve))]);
  const error = failure();
  if (error !== undefined) throw error;
  if (entries.length === 0) throw broken('no part is named "entries"');
  checkBatchSize(entries.length, maxEntries);
  return entries;
}

/** Whether the head of a part has a content type. @param start where the head begins */
function hasType(body: Buffer, start = body.length): boolean {
  const head = body.subarray(start, start + MAX_PART_HEADER_BYTES);
  return /^content-type:/im.test(head.toString("latin1", 0, Math.max(0, head.indexOf("\r\n\r\n"))));
}

/** Finds the ends of the boundaries of a body, up to `max` of them. The head of a part begins at each but the last. */
function* findHeads(
  { "content-type": type = "" }: IncomingHttpHeaders,
  body: Buffer,
  max: number,
): Generator<void, readonly number[]> {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]*)"|([^;\s]*))/i.exec(type) ?? [];
  const boundary = quoted ?? plain ?? "";
  if (boundary === "") throw broken("Content-Type has no boundary");
  if (boundary.length > MAX_BOUNDARY_CHARACTERS)
    throw broken(
      `the boundary must have at most ${MAX_BOUNDARY_CHARACTERS} characters, got ${boundary.length}`,
    );
  const mark = Buffer.from(`\r\n--${boundary}`);
  const ends = body.subarray(0, mark.length - 2).equals(mark.subarray(2)) ? [mark.length - 2] : [];
  for (let from = 0; from < body.length && ends.length < max; from += SEARCH_BYTES) {
    // Pieces overlap, so that a boundary across two pieces is found in the first.
    const piece = body.subarray(from, from + SEARCH_BYTES + mark.length - 1);
    for (
      let at = piece.indexOf(mark);
      at >= 0 && ends.length < max;
      at = piece.indexOf(mark, at + mark.length)
    )
      ends.push(from + at + mark.length);
    yield;
  }
  return ends;
}

/** An open parser with the entries found so far. */
interface OpenParser {
  readonly parser: BusboyInstance;
  readonly entries: readonly PostedEntry[];
  /** Returns the first error of the body. */
  readonly failure: () => GatewayError | undefined;
}

/** A body to parse. */
interface Multipart {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly stream: string;
}

/** @param ownType returns the type that the part at a position has of its own, of the type that the parser reports */
function openParser(
  { headers, body, stream }: Multipart,
  ownType: (position: number, type: string) => string | undefined,
): OpenParser {
  let failure: GatewayError | undefined;
  const fail = (problem: string) => {
    failure ??= broken(problem);
  };
  const parser = createParser(headers);
  const entries: PostedEntry[] = [];
  parser.on("file", (name, part, filename, _encoding, type) => {
    const position = entries.length;
    const entry = {
      stream: stream === "*" ? (filename ?? "") : stream,
      id: "*",
      data: new Uint8Array(0) as Uint8Array,
      ownType: () => ownType(position, type),
    };
    entries.push(entry);
    if (name !== "entries") fail(`part ${position} must be named "entries", got ${JSON.stringify(name)}`);
    if (entry.stream === "")
      fail(`part ${position} has no filename, which stream id * requires as its stream`);
    const chunks: Buffer[] = [];
    part.on("data", (chunk: Buffer) => chunks.push(chunk));
    part.on("error", (error) => fail(error.message));
    part.on("end", () => {
      entry.data = joined(chunks, body);
    });
  });
  parser.on("error", (error) => fail((error as Error).message));
  return { parser, entries, failure: () => failure };
}

/**
 * Joins the chunks of a part. A part that is most of its body is returned as a view of the body, so that a large payload
 * is in memory once; a smaller one is copied, so that it does not keep the whole body in memory.
 */
function joined(chunks: readonly Buffer[], body: Buffer): Uint8Array {
  const [first] = chunks;
  const size = chunks.reduce((sum, { length }) => sum + length, 0);
  if (first === undefined || first.buffer !== body.buffer || size < body.length / 2)
    return Buffer.concat(chunks, size);
  const start = first.byteOffset - body.byteOffset;
  return body.subarray(start, start + size);
}

function createParser(headers: IncomingHttpHeaders): BusboyInstance {
  try {
    return new Busboy({
      headers: headers as BusboyHeaders,
      // Every part is read as a file: a part without a filename would be decoded as text, which loses bytes.
      isPartAFile: () => true,
      preservePath: true,
      limits: {
        fileSize: Number.POSITIVE_INFINITY,
        headerPairs: MAX_PART_HEADERS,
        headerSize: MAX_PART_HEADER_BYTES,
      },
    });
  } catch (error) {
    throw broken((error as Error).message);
  }
}

/** Passes a body to the parser in steps; resolves when the parser is done. */
async function feed(
  parser: BusboyInstance,
  body: Buffer,
  slices: Slices,
  hasFailed: () => boolean,
): Promise<void> {
  const finished = new Promise<void>((resolve) => parser.once("finish", () => resolve()));
  for (let from = 0; from < body.length && !hasFailed(); from += STEP_BYTES) {
    const piece = body.subarray(from, from + STEP_BYTES);
    await new Promise<void>((resolve) => parser.write(piece, () => resolve()));
    if (slices.isOver()) await slices.next();
  }
  if (hasFailed()) return;
  parser.end();
  await finished;
}
