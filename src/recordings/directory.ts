/** The directory of recordings. Names of files come from names of recordings, which cannot leave the directory. */
import { lstat, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createDirectory } from "./create-directory.ts";
import { parseRecord, type RecordingRecord } from "./recording-record.ts";

/** Names of recordings: no separators, no leading dot, and no `~`, which numbers the further files of a recording. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** Ends of names that would be those of other files. */
const RESERVED = /\.(mcap|json|tmp)$/i;

/** Describes valid names, for errors. */
export const NAME_RULE =
  "must have 1 to 100 letters, digits, dots, hyphens and underscores, begin with a letter or a digit, and not end with .mcap, .json or .tmp";

/** Whether a text is a name of a recording. */
export const isRecordingName = (name: string): boolean => NAME.test(name) && !RESERVED.test(name);

/** Returns the name of a file of a recording. @param number from 1 */
export const fileNameOf = (name: string, number: number): string =>
  number === 1 ? `${name}.mcap` : `${name}~${number}.mcap`;

/** Returns the recording of a file; undefined if it is not a name of a file. */
export function recordingOfFile(file: string): string | undefined {
  const [, name = ""] = /^(.+?)(?:~\d{1,6})?\.mcap$/.exec(file) ?? [];
  return isRecordingName(name) ? name : undefined;
}

/** Returns the time as a part of a file name, such as `20260131T235959Z`. */
export const timeName = (): string => new Date().toISOString().replace(/\.\d+|[-:]/g, "");

/** The gateway process that writes to a directory. */
const LOCK = ".gateway";

/** Directory of the recordings of a gateway (`RECORDINGS_DIR`). */
export class RecordingsDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = resolve(path);
  }

  /** Creates the directory, and locks it. @throws Error if it cannot be written, or another gateway uses it */
  async open(): Promise<void> {
    await createDirectory(this.path, 0o750);
    await this.#lock();
  }

  /** Releases the lock. */
  async close(): Promise<void> {
    if (ownerOf(await readFile(this.pathOf(LOCK), "utf8").catch(() => "")) === process.pid)
      await rm(this.pathOf(LOCK), { force: true });
  }

  /** Returns the path of a file. */
  pathOf(file: string): string {
    return join(this.path, file);
  }

  /** Returns the first name of a file that does not exist. @param number of the file, from 1 */
  async freeFileName(name: string, number: number): Promise<string> {
    for (let next = number; ; next++) {
      const file = fileNameOf(name, next);
      if (!(await exists(this.pathOf(file)))) return file;
    }
  }

  /** Reads all records. @param onDamaged called for a file that cannot be read */
  async readAll(onDamaged: (file: string, error: Error) => void): Promise<readonly RecordingRecord[]> {
    const files = await readdir(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
      throw error;
    });
    const records: RecordingRecord[] = [];
    for (const file of files.filter((one) => one.endsWith(".json")).sort()) {
      try {
        const record = parseRecord(await readFile(this.pathOf(file), "utf8"));
        if (`${record.name}.json` !== file || !isRecordingName(record.name))
          throw new Error("the file describes another recording");
        records.push(record);
      } catch (error) {
        onDamaged(file, error as Error);
      }
    }
    return records;
  }

  /** Stores a record. A reader, also one after a crash, finds the old or the new one. */
  async save(record: RecordingRecord): Promise<void> {
    const path = this.pathOf(`${record.name}.json`);
    const text = Buffer.from(JSON.stringify(record, null, 2));
    try {
      await replaceFile(path, text);
    } catch (error) {
      // Otherwise a recording that is stopped while the disk is full would continue after a restart.
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC" || !(await overwriteFile(path, text)))
        throw error;
    }
  }

  /** Deletes a recording with its files. The record is last, so that an interrupted deletion can be repeated. */
  async remove({ name, files }: Pick<RecordingRecord, "name" | "files">): Promise<void> {
    for (const { file } of files) await rm(this.pathOf(file), { force: true });
    await rm(this.pathOf(`${name}.json`), { force: true });
  }

  async #lock(): Promise<void> {
    const path = this.pathOf(LOCK);
    const own = `${process.pid} ${await startOf(process.pid)}`;
    const text = await readFile(path, "utf8").catch(() => "");
    const pid = ownerOf(text);
    // A process id may be reused, and is in a container always the same: the start of the process distinguishes them.
    const start = pid === undefined ? "" : await startOf(pid);
    if (pid !== process.pid && start !== "" && text === `${pid} ${start}`)
      throw new Error(`the gateway with process id ${pid} uses the directory`);
    await writeFile(path, own, { mode: 0o640 });
  }
}

/** Replaces a file by another one. */
async function replaceFile(path: string, text: Buffer): Promise<void> {
  const file = await open(`${path}.tmp`, "w", 0o640);
  try {
    await file.writeFile(text);
    await file.datasync();
  } catch (error) {
    await rm(`${path}.tmp`, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
}

/** Bytes of a block in `blocks` of a file (stat(2)). */
const BLOCK_BYTES = 512;

/** Overwrites a file if its blocks suffice, which needs no room on the disk. @returns whether they do */
export async function overwriteFile(path: string, text: Buffer): Promise<boolean> {
  const file = await open(path, "r+").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    const { blocks } = await file.stat();
    if (blocks * BLOCK_BYTES < text.length) return false;
    await file.write(text, 0, text.length, 0);
    await file.truncate(text.length);
    await file.datasync();
    return true;
  } finally {
    await file.close();
  }
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

const ownerOf = (text: string): number | undefined => {
  const [, pid] = /^(\d+) /.exec(text) ?? [];
  return pid === undefined ? undefined : Number(pid);
};

/** Returns the start time of a process, in the unit of `/proc`; empty if it does not run, or if there is no `/proc`. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name of the program, in parentheses, may contain spaces. The start is field 22.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
