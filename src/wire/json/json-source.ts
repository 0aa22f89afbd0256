/** JSON text as UTF-8 that is parsed part by part, and its errors. */
import type { GatewayError } from "../../domain/errors.ts";
import { malformed } from "../push-batch.ts";
import { lossyTextOf } from "../utf8.ts";

/** Bytes that are scanned, or of a long string that are decoded, between two yields. */
export const STEP_BYTES = 128 * 1024;

/** `"` in ASCII. */
export const QUOTE = 34;
/** `\` in ASCII. */
export const BACKSLASH = 92;

/** JSON text. */
export class JsonSource {
  readonly bytes: Uint8Array;
  /** Name of the text in errors. */
  readonly what: string;

  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes;
    this.what = what;
  }

  /** Returns the error of a text that is not valid JSON. */
  broken(): GatewayError {
    return malformed(`${this.what} is not valid JSON`);
  }

  /** Parses a part of the text between two delimiters. @throws GatewayError BAD_HEADER */
  parse(start: number, end: number, open = "", close = ""): unknown {
    const text = lossyTextOf(this.bytes.subarray(start, end));
    try {
      return JSON.parse(`${open}${text}${close}`);
    } catch {
      throw this.broken();
    }
  }

  /** Steps over whitespace. @returns the index of the first other byte, or `end` */
  *skipBlanks(start: number, end: number): Generator<void, number> {
    let at = start;
    for (; at < end && isBlank(this.bytes[at]); at++) if (at % STEP_BYTES === 0) yield;
    return at;
  }

  /** Steps back over whitespace. @returns the index after the last other byte, or `start` */
  *trimBlanks(start: number, end: number): Generator<void, number> {
    let at = end;
    for (; at > start && isBlank(this.bytes[at - 1]); at--) if (at % STEP_BYTES === 0) yield;
    return at;
  }
}

const isBlank = (byte: number | undefined): boolean =>
  byte === 32 || byte === 10 || byte === 13 || byte === 9;
