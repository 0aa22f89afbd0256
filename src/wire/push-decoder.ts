/**
 * Decoder of the messages of a pushing WebSocket (docs/protocol.md, "WebSocket push"). Its only state is the header whose payload has not
 * arrived yet.
 */
import { GatewayError } from "../domain/errors.ts";
import type { CleanFormat } from "./clean-format.ts";
import { cleanFormat, type MessageFormat } from "./formats.ts";
import {
  type PushHeader,
  type PushOffsets,
  parsePushHeader,
  parsePushHeaderSteps,
  splitPayload,
} from "./header.ts";
import { LONG_MESSAGE_BYTES, malformed, type PushedEntry } from "./push-batch.ts";
import { lossyTextOf } from "./utf8.ts";

/** Options of a push decoder. */
export interface PushDecoderOptions {
  readonly format: MessageFormat;
  readonly offsets: PushOffsets;
  /** The stream ids of the URL. */
  readonly streams: readonly string[];
  readonly maxEntries: number;
}

/** Decodes messages into batches. */
export interface PushDecoder {
  /**
   * Decodes one message.
   *
   * @returns the batch that this message completes; undefined if its payload follows in the next message
   * @throws GatewayError; the caller must not store any entry of the batch, and must close the connection
   */
  message(bytes: Uint8Array, isBinary: boolean): readonly PushedEntry[] | undefined;
  /** Returns whether a message should be decoded in steps, because decoding takes long. */
  isLong(bytes: Uint8Array, isBinary: boolean): boolean;
  /** Does the same as `message` in steps. No other message may be decoded before it returns. */
  steps(bytes: Uint8Array, isBinary: boolean): Generator<void, readonly PushedEntry[] | undefined>;
  /** Returns whether a header has arrived without its payload. */
  awaitsPayload(): boolean;
}

const wrongKind = (problem: string) => new GatewayError("WRONG_MESSAGE_KIND", problem);

/** Creates the decoder of one connection. @throws GatewayError if the format does not allow the URL's number of streams */
export function createPushDecoder({ format, offsets, streams, maxEntries }: PushDecoderOptions): PushDecoder {
  const [only] = streams;
  if (format === "raw" && streams.length !== 1)
    throw new GatewayError("BAD_PARAMETER", `header=0 requires exactly one stream, got ${streams.length}`);
  const clean = format === "header" || format === "raw" ? undefined : cleanFormat(format);
  let header: PushHeader | undefined;

  function headerMessage(bytes: Uint8Array, isBinary: boolean): readonly PushedEntry[] | undefined {
    if (header === undefined) {
      if (isBinary) throw wrongKind("a binary message where a JSON text header was expected");
      header = parsePushHeader(lossyTextOf(bytes), streams, maxEntries);
      return undefined;
    }
    if (!isBinary) {
      // The first bytes suffice to detect a header; the rest may be megabytes.
      if (lossyTextOf(bytes.subarray(0, LONG_MESSAGE_BYTES)).trimStart().startsWith("["))
        throw malformed("expected the payload of the previous header, got another header");
      throw wrongKind("a text message where the binary payload was expected");
    }
    const entries = splitPayload(header, bytes, offsets);
    header = undefined;
    return entries;
  }

  function message(bytes: Uint8Array, isBinary: boolean): readonly PushedEntry[] | undefined {
    if (clean !== undefined) {
      if (isBinary !== clean.isBinary) throw wrongKind(kindProblem(clean));
      return clean.decode(bytes, maxEntries);
    }
    return format === "header"
      ? headerMessage(bytes, isBinary)
      : [{ stream: only ?? "", id: "*", data: bytes }];
  }

  /** Payloads are only split, and messages of the wrong type are rejected, so neither is long work. */
  function isLong(bytes: Uint8Array, isBinary: boolean): boolean {
    if (bytes.length <= LONG_MESSAGE_BYTES) return false;
    if (clean !== undefined) return isBinary === clean.isBinary;
    return format === "header" && !isBinary && header === undefined;
  }

  return {
    awaitsPayload: () => header !== undefined,
    isLong,
    message,
    *steps(bytes, isBinary) {
      if (!isLong(bytes, isBinary)) return message(bytes, isBinary);
      if (clean !== undefined) return yield* clean.decodeSteps(bytes, maxEntries);
      header = yield* parsePushHeaderSteps(bytes, streams, maxEntries);
      return undefined;
    },
  };
}

const kindProblem = ({ isBinary, title }: CleanFormat): string =>
  isBinary
    ? `a text message where a binary ${title} message was expected`
    : `a binary message where a ${title} text message was expected`;
