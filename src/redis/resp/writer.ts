/**
 * Collects the commands of one turn of the event loop as bytes, so that they go to Redis in one write. Small
 * arguments are copied side by side; large payloads are only referred to.
 */

/** Payloads from this size on (bytes) are not copied: about where copying costs more than a further write vector. */
const REFER_FROM_BYTES = 16 * 1024;
const BLOCK_BYTES = 64 * 1024;

/** One argument of a command. */
export type Argument = string | number | Uint8Array;

/** Where commands are written to. */
export interface CommandWriter {
  /** One whole command. */
  command(args: readonly Argument[]): void;
  /** Bytes that are RESP already, such as the beginning that all commands of a kind share. */
  encoded(bytes: Uint8Array): void;
  /** One argument of a command whose length line was among the encoded bytes. */
  argument(value: Argument): void;
  /** Takes what was written so far, in order. */
  take(): readonly Uint8Array[];
}

/** Makes a writer with nothing in it. */
export function createCommandWriter(): CommandWriter {
  let block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  /** What of the block is not yet among the parts. */
  let from = 0;
  let at = 0;
  let parts: Uint8Array[] = [];

  function closePart(): void {
    if (at > from) parts.push(block.subarray(from, at));
    from = at;
  }

  /** Makes room. Bytes handed out are never written over: the socket may still be reading them. */
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
    if (value.length >= REFER_FROM_BYTES) {
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

  /** A command of text alone in one piece: most are short, and each write into a buffer costs more than their bytes. */
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
