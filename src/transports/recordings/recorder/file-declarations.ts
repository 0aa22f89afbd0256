/** Declarations of streams in a file. They decide how the payloads after them are stored, so only changes are written. */
import { createHash } from "node:crypto";
import { unreadReason } from "../../../domain/streams/metadata-size.ts";
import type { OpenFile } from "../../../recordings/thread/file-thread.ts";
import { SMALL_VALUE_BYTES, type StoredValue, UnreadValue } from "../../../redis/registry/stored-values.ts";
import { declarationOf } from "../../request/append/declarations.ts";
import { describeIn, type FileRoom, fileMetaOf } from "../../request/file-metas.ts";

/** Instead of the digest of a declaration that the file lacks. */
const UNREAD = "unread";

/** Events of the declarations. */
export interface FileDeclarationsHooks {
  /** Writes the entries before a declaration. */
  readonly flush: () => void;
  /** The file lacks the metadata of a stream. */
  readonly onUnread: (problem: string) => void;
}

/** The declarations that a file has. */
export class FileDeclarations {
  readonly #file: Pick<OpenFile, "describe" | "addUnread">;
  readonly #hooks: FileDeclarationsHooks;
  /** Digests of the declarations by stream key. Programs store other things in metadata, and may change them often. */
  readonly #declared = new Map<string, string>();
  /** Room for further metadata: the file keeps that of earlier declarations. */
  readonly #room: FileRoom;

  constructor(file: Pick<OpenFile, "describe" | "addUnread">, room: FileRoom, hooks: FileDeclarationsHooks) {
    this.#file = file;
    this.#room = room;
    this.#hooks = hooks;
  }

  /** Whether the file has the stream. */
  has(key: string): boolean {
    return this.#declared.has(key);
  }

  /**
   * Whether the metadata of a stream is to be read: a present declaration may have changed, and another one needs room.
   *
   * @param bytes size of the metadata
   */
  admits(key: string, bytes: number): boolean {
    const present = this.#declared.get(key);
    return (present !== undefined && present !== UNREAD) || this.#room.has(bytes);
  }

  /** Adds the declaration of a stream when the file begins. @param meta metadata, which has taken its room if it is large */
  begin(key: string, meta: StoredValue): void {
    this.#set(key, meta, Buffer.isBuffer(meta) && meta.length > SMALL_VALUE_BYTES);
  }

  /** Adds the declaration of a stream, unless it is the present one. @param meta metadata of the stream */
  set(key: string, meta: StoredValue): void {
    this.#set(key, meta, false);
  }

  #set(key: string, meta: StoredValue, hasRoom: boolean): void {
    const digest = digestOf(meta);
    const present = this.#declared.get(key);
    if (present === digest) return;
    const unread = this.#unreadOf(meta, hasRoom);
    // Once until the file has it again: metadata may change a thousand times per second.
    if (unread !== undefined && present === UNREAD) return;
    this.#declared.set(key, unread === undefined ? digest : UNREAD);
    this.#hooks.flush();
    if (unread !== undefined) {
      // The entries from now on do not have the earlier declaration.
      this.#file.describe(key, undefined);
      this.#hooks.onUnread(`${key}: ${unreadReason(unread)}`);
    }
    describeIn(this.#file, key, unread ?? fileMetaOf(meta));
  }

  #unreadOf(meta: StoredValue, hasRoom: boolean): UnreadValue | undefined {
    if (meta instanceof UnreadValue) return meta;
    return hasRoom || meta === undefined || this.#room.take(meta.length)
      ? undefined
      : new UnreadValue(meta.length, undefined);
  }
}

/** Identifies a declaration: schemas of a thousand streams would be too much to keep. */
function digestOf(meta: StoredValue): string {
  if (meta instanceof UnreadValue) return UNREAD;
  return createHash("sha256")
    .update(JSON.stringify(declarationOf(meta)))
    .digest("base64");
}
