/** Metadata of the streams of an MCAP file, which the thread that writes it keeps in memory until its end. */
import { type UnreadMeta, unreadReason } from "../../domain/streams/metadata-size.ts";
import type { Registry } from "../../redis/registry/registry.ts";
import { type StoredValue, UnreadValue } from "../../redis/registry/stored-values.ts";
import { lossyTextOf } from "../../wire/utf8.ts";

/** Maximum size of the metadata of all streams of a file, in bytes. */
export const MAX_FILE_META_BYTES = 4 * 1024 * 1024;

/** Metadata of a stream for a file: its JSON, or why the file lacks it; undefined if there is none. */
export type FileMeta = string | UnreadMeta | undefined;

/** Receiver of metadata. */
export interface DescribedFile {
  describe(key: string, meta: string | undefined): void;
  addUnread(key: string, reason: string): void;
}

/** Options of `readFileMetas`. */
export interface FileMetasOptions {
  readonly registry: Pick<Registry, "metas">;
  readonly client: string;
  /** Called before metadata is read. Resolves when there is memory for it. @throws GatewayError OVERLOADED */
  readonly reserve?: (bytes: number) => Promise<void>;
}

/** Reads the metadata of the streams of a file: as much as a file may have, the smallest first. @throws GatewayError */
export async function readFileMetas(
  keys: readonly string[],
  { registry, client, reserve }: FileMetasOptions,
): Promise<ReadonlyMap<string, FileMeta>> {
  const metas = new Map<string, FileMeta>();
  const room = new FileRoom();
  await registry.metas(keys, {
    client,
    async admit(bytes) {
      if (!room.take(bytes)) return false;
      await reserve?.(bytes);
      return true;
    },
    onValue: (key, value) => metas.set(key, fileMetaOf(value)),
  });
  return metas;
}

/** Converts metadata as it was read. */
export const fileMetaOf = (value: StoredValue): FileMeta =>
  value === undefined || value instanceof UnreadValue ? value : lossyTextOf(value);

/** States the metadata of a stream in a file. */
export function describeIn(file: DescribedFile, key: string, meta: FileMeta): void {
  if (typeof meta === "string") file.describe(key, meta);
  else if (meta !== undefined) file.addUnread(key, unreadReason(meta));
}

/** Room for metadata that several files share, in bytes. */
export class SharedRoom {
  #free: number;

  constructor(bytes: number) {
    this.#free = bytes;
  }

  has(bytes: number): boolean {
    return bytes <= this.#free;
  }

  /** Takes room; returns room if negative. */
  take(bytes: number): void {
    this.#free -= bytes;
  }
}

/** Metadata of a file that takes no shared room, in bytes. */
const OWN_BYTES = 64 * 1024;

/** Room for metadata in a file. */
export class FileRoom {
  readonly #shared: SharedRoom | undefined;
  #bytes = 0;
  #isClosed = false;

  /** @param shared room of several files, which the file takes part of until it is closed */
  constructor(shared?: SharedRoom) {
    this.#shared = shared;
  }

  /** Returns whether the file has room for metadata. */
  has(bytes: number): boolean {
    return (
      this.#bytes + bytes <= MAX_FILE_META_BYTES && this.#shared?.has(this.#sharedBytes(bytes)) !== false
    );
  }

  /** @returns whether the file has room for it */
  take(bytes: number): boolean {
    if (this.#isClosed || !this.has(bytes)) return false;
    this.#shared?.take(this.#sharedBytes(bytes));
    this.#bytes += bytes;
    return true;
  }

  /** Returns the shared room. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#shared?.take(-beyondOwn(this.#bytes));
  }

  #sharedBytes(more: number): number {
    return beyondOwn(this.#bytes + more) - beyondOwn(this.#bytes);
  }
}

const beyondOwn = (bytes: number): number => Math.max(0, bytes - OWN_BYTES);
