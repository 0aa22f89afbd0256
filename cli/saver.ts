/** Writing pictures to files as they arrive. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StreamEntry } from "../client/index.ts";
import { imageKind } from "./image-kind.ts";

/**
 * Makes the directory, and a function that writes an entry into it as `<entry id>.jpg`, or with the extension of what it
 * is. With several streams the name starts with the stream's, percent-encoded, since they may have an id in common.
 *
 * @throws Error of the file system
 */
export async function createSaver(
  directory: string,
  severalStreams: boolean,
): Promise<(entry: StreamEntry) => Promise<void>> {
  await mkdir(directory, { recursive: true });
  return ({ stream, id, data }) => {
    const name = severalStreams ? `${encodeURIComponent(stream)}_${id}` : id;
    return writeFile(join(directory, `${encodeURIComponent(name)}.${imageKind(data)}`), data);
  };
}
