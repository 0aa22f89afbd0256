/** Declarations of streams in a file. They decide how the payloads after them are stored, so only changes are written. */
import type { OpenFile } from "../../../recordings/thread/file-thread.ts";
import { lossyTextOf } from "../../../wire/utf8.ts";
import { declarationOf } from "../../request/append/declarations.ts";

/** The declarations that a file has. */
export class FileDeclarations {
  readonly #file: Pick<OpenFile, "describe">;
  readonly #flush: () => void;
  /** Comparable, by stream key. Programs store other things in metadata, and may change them often. */
  readonly #declared = new Map<string, string>();

  /** @param flush writes the entries before a declaration */
  constructor(file: Pick<OpenFile, "describe">, flush: () => void) {
    this.#file = file;
    this.#flush = flush;
  }

  /** Whether the file has the stream. */
  has(key: string): boolean {
    return this.#declared.has(key);
  }

  /** Adds the declaration of a stream, unless it is the present one. @param meta metadata of the stream */
  set(key: string, meta: Buffer | undefined): void {
    const declared = JSON.stringify(declarationOf(meta));
    if (this.#declared.get(key) === declared) return;
    this.#declared.set(key, declared);
    this.#flush();
    if (meta !== undefined) this.#file.describe(key, lossyTextOf(meta));
  }
}
