/** Completes a file on the disk that its writer could not finish. */
import { open } from "node:fs/promises";
import { scanUnfinished } from "../../wire/mcap/unfinished-file.ts";
import { openDecompression } from "../decompression.ts";
import { readableOf } from "./readable-file.ts";

/**
 * Truncates a file after its last whole chunk, and writes its end. A finished file remains as it is.
 *
 * @throws Error if it is not an MCAP file, or cannot be written
 */
export async function recoverFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    const { isFinished, keptBytes, end } = await scanUnfinished(readableOf(file), await openDecompression());
    if (isFinished) return;
    // First, because the disk may be full.
    await file.truncate(keptBytes);
    for (let written = 0; written < end.length; ) {
      const { bytesWritten } = await file.write(end, written, end.length - written, keptBytes + written);
      written += bytesWritten;
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}
