/** A file as the readers of `@mcap/core` read it. */
import type { FileHandle } from "node:fs/promises";
import type { McapTypes } from "@mcap/core";

/** Returns a readable of an open file. */
export const readableOf = (file: FileHandle): McapTypes.IReadable => ({
  size: async () => BigInt((await file.stat()).size),
  async read(offset, size) {
    const bytes = new Uint8Array(Number(size));
    for (let read = 0; read < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, read, bytes.length - read, Number(offset) + read);
      if (bytesRead === 0) throw new Error("the file is shorter than its records state");
      read += bytesRead;
    }
    return bytes;
  },
});
