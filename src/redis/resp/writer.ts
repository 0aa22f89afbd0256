/**
 * Encoder that collects the commands of one event-loop turn, so that they are written to Redis at once. Small arguments
 * are copied into shared blocks; large payloads are passed by reference.
 */

/** Payloads from this size (bytes) are not copied: above it, copying costs more than another write vector. */
const REFERENCE_FROM_BYTES = 16 * 1024;
const BLOCK_BYTES = 64 * 1024;

/** One argument of a command. */
export type Argument = string | number | Uint8Array;

/** Encodes commands. */
export interface CommandWriter {
  /** Writes one whole command. */
  command(args: readonly Argument[]): void;
  /** Writes bytes that are RESP already, such as a shared command prefix. */
  encoded(bytes: Uint8Array): void;
  /** Writes one argument of a command whose argument count is part of the encoded bytes. */
  argument(value: Argument): void;
  /** Removes and returns everything written so far, in order. */
  take(): readonly Uint8Array[];
}

/** Creates an empty writer. */
export function createCommandWriter(): CommandWriter {
  let block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  /** Start of the part of the block that is not yet in `parts`. */
  let from = 0;
  let at = 0;
  let parts: Uint8Array[] = [];

  function closePart(): void {
    if (at > from) parts.push(block.subarray(from, at));
    from = at;
  }

  /** Makes room. Bytes already returned are never overwritten: the socket may still be reading them. */
  function reserve(bytes: number): void {
    if (at + bytes <= block.length) return;
    closePart();
    block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, bytes));
    from = 0;
    at = 0;
  }

  function lengthLine(mark: string, length: number): void {
    reserve(16);
    at += block.write(`${mark}${length}\r\n`, at, "latin1");
  }

  function bytesArgument(value: Uint8Array): void {
    lengthLine("$", value.length);
    if (value.length >= REFERENCE_FROM_BYTES) {
      closePart();
      parts.push(value);
    } else {
      reserve(value.length);
      block.set(value, at);
      at += value.length;
    }
    reserve(2);
    at += block.write("\r\n", at, "latin1");
  }

  function textArgument(value: string): void {
    const length = Buffer.byteLength(value);
    lengthLine("$", length);
    reserve(length + 2);
    at += block.write(value, at);
    at += block.write("\r\n", at, "latin1");
  }

  function argument(value: Argument): void {
    if (typeof value === "object") bytesArgument(value);
    else textArgument(String(value));
  }

  /** Encodes a text-only command with one write: most commands are short, so each buffer write costs more than its bytes. */
  function textCommand(args: readonly Argument[]): boolean {
    let text = `*${args.length}\r\n`;
    for (const value of args) {
      if (typeof value === "object") return false;
      const argument = String(value);
      text += `$${Buffer.byteLength(argument)}\r\n${argument}\r\n`;
    }
    // A UTF-16 unit takes three bytes at most.
    reserve(text.length * 3);
    at += block.write(text, at);
    return true;
  }

  return {
    argument,
    command(args) {
      if (textCommand(args)) return;
      lengthLine("*", args.length);
      for (const value of args) argument(value);
    },
    encoded(bytes) {
      reserve(bytes.length);
      block.set(bytes, at);
      at += bytes.length;
    },
    take() {
      closePart();
      const taken = parts;
      parts = [];
      return taken;
    },
  };
}
