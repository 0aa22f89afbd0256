/**
 * Encoder that collects the commands of one event-loop turn, so that they are written to Redis at once. Small arguments
 * are copied into shared blocks; large payloads are passed by reference.
 */

/** Payloads from this size (bytes) are not copied: above it, copying costs more than another write vector. */
const REFERENCE_FROM_BYTES = 16 * 1024;
const BLOCK_BYTES = 64 * 1024;
/** Maximum number of bytes of a length line: its mark, 16 digits, CR and LF. */
const MAX_LINE_BYTES = 19;
const ASTERISK = 42;
const DOLLAR = 36;
const ZERO = 48;
const MAX_ASCII = 127;
/** Text up to this length is written character by character. */
const MAX_SHORT_CHARACTERS = 128;
const CR = 13;
const LF = 10;

/** One argument of a command. */
export type Argument = string | number | Uint8Array;

/** Encodes commands. */
export class CommandWriter {
  #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  /** Start of the part of the block that is not yet in `#parts`. */
  #from = 0;
  #at = 0;
  #parts: Uint8Array[] = [];

  /** Writes one whole command. */
  command(args: readonly Argument[]): void {
    this.#lengthLine(ASTERISK, args.length);
    for (const value of args) this.argument(value);
  }

  /** Writes bytes that are RESP already, such as a shared command prefix. */
  encoded(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#block.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Writes one argument of a command whose argument count is part of the encoded bytes. */
  argument(value: Argument): void {
    if (typeof value === "object") this.#bytesArgument(value);
    else this.#textArgument(String(value));
  }

  /** Removes and returns everything written so far, in order. */
  take(): readonly Uint8Array[] {
    this.#closePart();
    const taken = this.#parts;
    this.#parts = [];
    return taken;
  }

  #closePart(): void {
    if (this.#at > this.#from) this.#parts.push(this.#block.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }

  /** Makes room. Bytes already returned are never overwritten: the socket may still be reading them. */
  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#block.length) return;
    this.#closePart();
    this.#block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, bytes));
    this.#from = 0;
    this.#at = 0;
  }

  /** Writes digit by digit: a call of the native `write` costs more, and this is done for each entry. */
  #lengthLine(mark: number, length: number): void {
    this.#reserve(MAX_LINE_BYTES);
    let digits = 1;
    for (let rest = length; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    this.#block[this.#at++] = mark;
    this.#at += digits;
    for (let rest = length, at = this.#at; digits > 0; digits--, rest = Math.floor(rest / 10))
      this.#block[--at] = ZERO + (rest % 10);
    this.#lineEnd();
  }

  #lineEnd(): void {
    this.#block[this.#at++] = CR;
    this.#block[this.#at++] = LF;
  }

  #bytesArgument(value: Uint8Array): void {
    this.#lengthLine(DOLLAR, value.length);
    if (value.length >= REFERENCE_FROM_BYTES) {
      this.#closePart();
      this.#parts.push(value);
      this.#reserve(2);
    } else {
      this.#reserve(value.length + 2);
      this.#block.set(value, this.#at);
      this.#at += value.length;
    }
    this.#lineEnd();
  }

  #textArgument(value: string): void {
    if (value.length <= MAX_SHORT_CHARACTERS && this.#asciiArgument(value)) return;
    const length = Buffer.byteLength(value);
    this.#lengthLine(DOLLAR, length);
    this.#reserve(length + 2);
    this.#at += this.#block.write(value, this.#at);
    this.#lineEnd();
  }

  /**
   * Writes a short text of ASCII characters, one by one: names, ids and numbers, of which a command may have hundreds. A call of the
   * native `write` and `byteLength` for each takes four times as long.
   *
   * @returns false, without having written anything, if it has other characters
   */
  #asciiArgument(value: string): boolean {
    const { length } = value;
    this.#reserve(MAX_LINE_BYTES + length + 2);
    const start = this.#at;
    this.#lengthLine(DOLLAR, length);
    const block = this.#block;
    let at = this.#at;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > MAX_ASCII) {
        this.#at = start;
        return false;
      }
      block[at++] = code;
    }
    this.#at = at;
    this.#lineEnd();
    return true;
  }
}
