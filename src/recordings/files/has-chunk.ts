/** Whether a file that is being recorded has entries yet: they are in chunks. */
import type { FileHandle } from "node:fs/promises";
import { McapConstants } from "@mcap/core";
import { RECORD_HEAD_BYTES } from "../../wire/mcap/chunk-records.ts";

const { MCAP_MAGIC, Opcode } = McapConstants;

/** Bytes of one read: schemas and channels of many streams may precede the first chunk. */
const READ_BYTES = 64 * 1024;

/** Whether a file has a chunk, or its end. @param file which its writer may still extend */
export async function hasChunk(file: FileHandle): Promise<boolean> {
  const bytes = Buffer.alloc(READ_BYTES);
  for (let start = MCAP_MAGIC.length; ; ) {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
    if (bytesRead < RECORD_HEAD_BYTES) return false;
    let at = 0;
    while (at + RECORD_HEAD_BYTES <= bytesRead) {
      const opcode = bytes[at];
      if (opcode === Opcode.CHUNK || opcode === Opcode.DATA_END) return true;
      at += RECORD_HEAD_BYTES + Number(bytes.readBigUInt64LE(at + 1));
    }
    start += at;
  }
}
