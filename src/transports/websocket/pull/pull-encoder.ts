/** Encodes entries as messages of a pulling WebSocket (docs/protocol.md, "WebSocket pull" and "Formats"). */
import type { Entry, StreamEntries } from "../../../domain/streams/entry.ts";
import type { Encoder } from "../../../live/sink.ts";
import type { CleanFormat, Encoded } from "../../../wire/clean-format.ts";
import { cleanFormat, type MessageFormat } from "../../../wire/formats.ts";
import { encodeHeader, type PullOffsets } from "../../../wire/header.ts";
import type { Notice } from "../../../wire/notices/notice.ts";
import { isLongToEncode, type Pieces } from "../../../wire/pieces.ts";
import { JOIN_BELOW_BYTES } from "../../response/byte-sink.ts";
import { bytesOfChunks, type Chunks } from "../../response/memory/chunks.ts";
import {
  binaryFrame,
  createFrameWriter,
  type FrameWriter,
  MAX_HEADER_BYTES,
} from "../../websocket-protocol/frames/frame-writer.ts";

/** Parameters that determine the encoding. */
export interface PullForm {
  readonly format: MessageFormat;
  readonly offsets: PullOffsets;
  /** Maximum number of entries per stream in one payload. */
  readonly count: number;
}

/** Encoder of entries, empty payloads and notices. */
export interface PullEncoder extends Encoder<Chunks> {
  /** Payload without entries, sent when streams are idle; undefined if the format has none. */
  readonly empty: Chunks | undefined;
  /** Whether the format can carry notices. */
  readonly hasNotices: boolean;
  /** Encodes a notice; undefined if the format cannot carry it. */
  encodeNotice(notice: Notice): Chunks | undefined;
}

/** Approximate size of a header item and its frame heads besides the stream name, in bytes. */
const ITEM_BYTES = 64;

/** Maximum number of cached encoders. Clients choose `count`, so the number of forms is unbounded. */
const MAX_FORMS = 1000;

/** Returns the encoder of a form. Readers with the same form share an encoder. */
export type PullEncoders = (form: PullForm) => PullEncoder;

/** Creates the cache of encoders. */
export function createPullEncoders(): PullEncoders {
  const encoders = new Map<string, PullEncoder>();
  return (form) => {
    const name = nameOf(form);
    const known = encoders.get(name);
    if (known !== undefined) return known;
    if (encoders.size >= MAX_FORMS) encoders.clear();
    const encoder = createPullEncoder(form);
    encoders.set(name, encoder);
    return encoder;
  };
}

const nameOf = ({ format, offsets, count }: PullForm): string =>
  `ws ${format} ${offsets} ${format === "raw" ? 1 : count}`;

/** Creates the encoder of a form. */
function createPullEncoder(form: PullForm): PullEncoder {
  const { format, offsets, count } = form;
  const clean = format === "header" || format === "raw" ? undefined : cleanFormat(format);
  const write = writerOf(clean, offsets);
  return {
    form: nameOf(form),
    empty: format === "raw" ? undefined : encode([]),
    hasNotices: clean?.encodeNotice !== undefined,
    encode,
    bytesOf: bytesOfChunks,
    ...(clean && {
      encodeSteps: (streams) => (isLongToEncode(streams) ? messageSteps(clean, streams, count) : undefined),
    }),
    encodeNotice: (notice) => noticeFrame(clean?.encodeNotice?.(notice)),
  };

  function encode(streams: readonly StreamEntries[]): Chunks {
    const only = format === "raw" ? onlyEntry(streams) : undefined;
    if (only !== undefined && only.data.length < JOIN_BELOW_BYTES) return binaryFrame(only.data);
    const out = createFrameWriter(capacityFor(streams, format === "raw"));
    if (format === "raw")
      for (const { entries } of streams) for (const { data } of entries) out.binary([data]);
    else for (const payload of payloadsOf(streams, count)) write(out, payload);
    return out.take();
  }
}

/** Returns the entry of a frame with one entry. */
function onlyEntry(streams: readonly StreamEntries[]): Entry | undefined {
  const [stream] = streams;
  return streams.length === 1 && stream?.entries.length === 1 ? stream.entries[0] : undefined;
}

function writerOf(
  clean: CleanFormat | undefined,
  offsets: PullOffsets,
): (out: FrameWriter, streams: readonly StreamEntries[]) => void {
  if (clean !== undefined) return (out, streams) => writeMessage(out, clean.encode(streams));
  return (out, streams) => {
    out.text(encodeHeader(streams, offsets));
    out.binary(streams.flatMap(({ entries }) => entries.map(({ data }) => data)));
  };
}

function* messageSteps(
  clean: CleanFormat,
  streams: readonly StreamEntries[],
  count: number,
): Generator<void, Chunks> {
  const out = createFrameWriter(ITEM_BYTES);
  for (const payload of payloadsOf(streams, count)) {
    const pieces = yield* clean.encodeSteps(payload);
    if (clean.isBinary) out.binary(pieces);
    else out.textBytes(pieces);
    yield;
  }
  return out.take();
}

function writeMessage(out: FrameWriter, message: string | Pieces): void {
  if (typeof message === "string") out.text(message);
  else out.binary(message);
}

function noticeFrame(message: Encoded | undefined): Chunks | undefined {
  if (message === undefined) return undefined;
  const out = createFrameWriter(ITEM_BYTES + Buffer.byteLength(message));
  writeMessage(out, typeof message === "string" ? message : [message]);
  return out.take();
}

/**
 * Splits entries into payloads of at most `count` entries per stream. Their order is kept: a playback merges streams, so that
 * a stream may occur several times, and all entries of a stream may precede those of the next one.
 */
function* payloadsOf(streams: readonly StreamEntries[], count: number): Generator<readonly StreamEntries[]> {
  const names = new Set(streams.map(({ stream }) => stream));
  if (names.size === streams.length && streams.every(({ entries }) => entries.length <= count)) {
    yield streams;
    return;
  }
  let payload: StreamEntries[] = [];
  const sizes = new Map<string, number>();
  for (const { stream, entries } of streams) {
    for (let from = 0; from < entries.length; ) {
      const size = sizes.get(stream) ?? 0;
      const part = entries.slice(from, from + count - size);
      if (part.length > 0) payload.push({ stream, entries: part });
      from += part.length;
      sizes.set(stream, size + part.length);
      if (from === entries.length) break;
      yield payload;
      payload = [];
      sizes.clear();
    }
  }
  if (payload.length > 0) yield payload;
}

/** Returns about the size of the frames, which remain in memory with all of it. */
function capacityFor(streams: readonly StreamEntries[], isRaw: boolean): number {
  let bytes = ITEM_BYTES;
  for (const { stream, entries } of streams) {
    const headBytes = isRaw ? MAX_HEADER_BYTES : ITEM_BYTES + stream.length;
    for (const entry of entries) bytes += headBytes + copiedBytes(entry);
  }
  return bytes;
}

const copiedBytes = ({ data }: Entry) => (data.length < JOIN_BELOW_BYTES ? data.length : 0);
