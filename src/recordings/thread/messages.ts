/** Messages between the event loop of a gateway and the thread that writes its MCAP files. */
import type { Gap } from "../../domain/streams/entry.ts";
import type { CompressionName } from "../compression.ts";
import type { EntryBatch } from "../entry-batch.ts";

/** Options of a file that is written. */
export interface FileOptions {
  /** Name and version of the program, in the header of the file. */
  readonly library: string;
  readonly compression: CompressionName;
  /** Texts by key, for a metadata record at the beginning. */
  readonly notes?: Readonly<Record<string, string>>;
  /** Path of a file, which must not exist. Without one, the bytes are sent back. */
  readonly path?: string;
}

/** Message to the thread. `file` identifies the open file. */
export type ToThread = { readonly file: number } & (
  | { readonly type: "open"; readonly options: FileOptions }
  /** Metadata of a stream, JSON, for its entries from now on. */
  | { readonly type: "describe"; readonly key: string; readonly meta: string | undefined }
  /** The file lacks the metadata of a stream. */
  | { readonly type: "unread"; readonly key: string; readonly reason: string }
  | { readonly type: "entries"; readonly batch: EntryBatch }
  | { readonly type: "gap"; readonly gap: Gap }
  /** A buffer of bytes that the client has received, to be used again. */
  | { readonly type: "spare"; readonly buffer: ArrayBuffer }
  | { readonly type: "end" }
  /** Closes the file as it is. */
  | { readonly type: "abort" }
);

/** Message from the thread. */
export type FromThread = { readonly file: number } & (
  | { readonly type: "ended"; readonly size: number }
  /** The next bytes of a file without a path. Their buffer may be larger. */
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  /** A batch was added. `size` is the size of the file so far, with its open chunk; `buffer` is the batch's, to be used again. */
  | { readonly type: "taken"; readonly size: number; readonly buffer: ArrayBuffer }
  /** The file is closed as far as it was written. */
  | { readonly type: "failed"; readonly message: string; readonly code: string | undefined }
);
