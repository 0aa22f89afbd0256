/** Access to `RECORDINGS_DIR`: it is opened when it is needed first, and its errors are reported to clients. */
import { GatewayError } from "../../domain/errors.ts";
import type { RecordingsDirectory } from "../../recordings/directory.ts";
import type { TransportParts } from "../parts.ts";

/** Returns the error of a directory that cannot be used. */
export const unavailable = (problem: string): GatewayError =>
  new GatewayError("RECORDINGS_UNAVAILABLE", `RECORDINGS_DIR cannot be used: ${problem}`);

/** The directory as this process uses it. */
export class DirectoryAccess {
  readonly #directory: RecordingsDirectory;
  readonly #observe: TransportParts["observe"];
  #isOpen = false;
  #opening: Promise<void> | undefined;

  constructor(directory: RecordingsDirectory, observe: TransportParts["observe"]) {
    this.#directory = directory;
    this.#observe = observe;
  }

  /** Opens the directory, unless it is open. @throws Error of the disk, or if another gateway uses it */
  async open(): Promise<void> {
    if (this.#isOpen) return;
    this.#opening ??= this.#directory.open().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
    this.#isOpen = true;
  }

  /** Acts on the disk. @throws GatewayError RECORDINGS_UNAVAILABLE for errors of the disk */
  async use<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      this.#observe.logger.error(
        { err: error, directory: this.#directory.path },
        "RECORDINGS_DIR cannot be used",
      );
      throw unavailable((error as Error).message);
    }
  }

  /** Closes the directory, if it is open. */
  async close(): Promise<void> {
    if (this.#isOpen) await this.#directory.close();
  }
}
