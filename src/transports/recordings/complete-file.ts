/** Completes the files of recordings, and reads the facts about them. */
import type { Logger } from "../../domain/logger.ts";
import { isoTime } from "../../domain/streams/entry-id.ts";
import type { RecordingsDirectory } from "../../recordings/directory.ts";
import { type FileFacts, readFileFacts } from "../../recordings/files/file-facts.ts";
import { recoverFile } from "../../recordings/files/recover-file.ts";
import type { FileStatus } from "../../recordings/recording-status.ts";

/** A file after its completion. */
export interface CompletedFile {
  readonly status: FileStatus;
  /** Undefined if it is damaged. */
  readonly facts: FileFacts | undefined;
}

/** Completes a file. @param state of the file if that succeeds; otherwise it is damaged, which is logged */
export async function completeFile(
  file: FileStatus,
  state: FileStatus["state"],
  directory: RecordingsDirectory,
  logger: Logger,
): Promise<CompletedFile> {
  const path = directory.pathOf(file.file);
  try {
    await recoverFile(path);
    const facts = await readFileFacts(path);
    const { bytes, entries, span, gapCount: gaps } = facts;
    const from = span === undefined ? null : isoTime(span.fromMs);
    const to = span === undefined ? null : isoTime(span.toMs);
    return { status: { file: file.file, state, bytes, entries, from, to, gaps }, facts };
  } catch (error) {
    logger.error({ err: error, file: file.file }, "a file of a recording cannot be completed");
    return { status: { ...file, state: "damaged" }, facts: undefined };
  }
}
