/** Opens recordings with errors that name the file. */
import {
  type ChunkMemory,
  openRecording,
  type RecordingReader,
} from "../../src/recordings/files/read-recording.ts";
import { CommandError } from "../exit-codes.ts";
import { errorText } from "../output/error-text.ts";

/** Opens a file. @param memory as for `openRecording` @throws CommandError that names the file and the problem */
export async function openFile(path: string, memory?: ChunkMemory): Promise<RecordingReader> {
  try {
    return await openRecording(path, memory);
  } catch (error) {
    throw fileError(path, error);
  }
}

/** Returns an error that names the file. */
export const fileError = (path: string, error: unknown): CommandError =>
  new CommandError(`${path}: ${errorText(error)}`);
