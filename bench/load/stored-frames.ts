/** A stored stream of camera-sized entries that cannot be compressed, like JPEG. */
import { randomFillSync } from "node:crypto";
import { connect } from "../../client/index.ts";

/** Size of each entry in bytes. */
export const FRAME_BYTES = 30_000;

/** Stores entries. */
export async function storeFrames(port: number, stream: string, entries: number): Promise<void> {
  const push = connect(`http://127.0.0.1:${port}`).push(stream);
  const stored: Promise<unknown>[] = [];
  for (let i = 0; i < entries; i++) {
    await push.ready();
    stored.push(push.send(randomFillSync(Buffer.alloc(FRAME_BYTES))));
  }
  await Promise.all(stored);
  await push.close();
}
