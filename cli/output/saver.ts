/** Writes received payloads to files. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StreamEntry } from "../../client/index.ts";
import { extensionOf } from "../../src/domain/content/detection.ts";
import { createDirectory } from "../../src/recordings/create-directory.ts";

/**
 * Creates the directory and returns a function that writes an entry to `<entry id>.<extension>` in it. With several
 * streams the file name starts with the percent-encoded stream name, because two streams may have the same entry id.
 *
 * @throws Error of the file system
 */
export async function createSaver(
  directory: string,
  severalStreams: boolean,
): Promise<(entry: StreamEntry) => Promise<void>> {
  await createDirectory(directory);
  return ({ stream, id, data }) => {
    const name = severalStreams ? `${encodeURIComponent(stream)}_${id}` : id;
    return writeFile(join(directory, `${encodeURIComponent(name)}.${extensionOf(data)}`), data);
  };
}
