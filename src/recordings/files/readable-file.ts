/** Files as the readers of `@mcap/core` read them. */
import type { FileHandle } from "node:fs/promises";
import type { McapTypes } from "@mcap/core";
import { scanUnfinished } from "../../wire/mcap/unfinished-file.ts";

/** Size up to which memory is allocated before it is known that the file has as many bytes. */
const UNCHECKED_BYTES = 64 * 1024;

const tooShort = () => new Error("the file is shorter than its records state");

/** Returns a readable of an open file. */
export const readableOf = (file: FileHandle): McapTypes.IReadable => ({
  size: async () => BigInt((await file.stat()).size),
  async read(offset, size) {
    // A damaged length must not cost its memory.
    if (size > UNCHECKED_BYTES && offset + size > (await file.stat()).size) throw tooShort();
    const bytes = new Uint8Array(Number(size));
    for (let read = 0; read < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, read, bytes.length - read, Number(offset) + read);
      if (bytesRead === 0) throw tooShort();
      read += bytesRead;
    }
    return bytes;
  },
});

/** Returns the file with its end, which is appended in memory if the file has none. */
export async function completeReadable(
  file: FileHandle,
  decompressHandlers: McapTypes.DecompressHandlers,
): Promise<{ readonly readable: McapTypes.IReadable; readonly isFinished: boolean }> {
  const readable = readableOf(file);
  const { isFinished, keptBytes, end } = await scanUnfinished(readable, decompressHandlers);
  if (isFinished) return { readable, isFinished };
  return {
    isFinished,
    readable: {
      size: async () => BigInt(keptBytes + end.length),
      async read(offset, size) {
        const from = Number(offset);
        const kept = Math.max(0, Math.min(Number(size), keptBytes - from));
        const start = kept > 0 ? await readable.read(offset, BigInt(kept)) : new Uint8Array();
        const bytes = new Uint8Array(Number(size));
        bytes.set(start, 0);
        bytes.set(end.subarray(from + kept - keptBytes, from + bytes.length - keptBytes), kept);
        return bytes;
      },
    },
  };
}
