/** Declarations of streams in a file. They decide how the payloads after them are stored, so only changes are written. */
import { createHash } from "node:crypto";
import { unreadReason } from "../../../domain/streams/metadata-size.ts";
import type { OpenFile } from "../../../recordings/thread/file-thread.ts";
import { type StoredValue, UnreadValue } from "../../../redis/registry/stored-values.ts";
import { lossyTextOf } from "../../../wire/utf8.ts";
import { declarationOf } from "../../request/append/declarations.ts";
import { describeIn, FileRoom } from "../../request/file-metas.ts";

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
  readonly #room = new FileRoom();

  constructor(file: Pick<OpenFile, "describe" | "addUnread">, hooks: FileDeclarationsHooks) {
    this.#file = file;
    this.#hooks = hooks;
  }

  /** Whether the file has the stream. */
  has(key: string): boolean {
    return this.#declared.has(key);
  }

  /** Adds the declaration of a stream, unless it is the present one. @param meta metadata of the stream */
  set(key: string, meta: StoredValue): void {
    const declared = digestOf(meta);
    if (this.#declared.get(key) === declared) return;
    this.#declared.set(key, declared);
    this.#hooks.flush();
    if (meta === undefined) return;
    if (meta instanceof UnreadValue) this.#lack(key, meta);
    else if (this.#room.take(meta.length)) describeIn(this.#file, key, lossyTextOf(meta));
    else this.#lack(key, new UnreadValue(meta.length, undefined));
  }

  #lack(key: string, meta: UnreadValue): void {
    describeIn(this.#file, key, meta);
    this.#hooks.onUnread(`${key}: ${unreadReason(meta)}`);
  }
}

/** Identifies a declaration: schemas of a thousand streams would be too much to keep. */
function digestOf(meta: StoredValue): string {
  if (meta instanceof UnreadValue) return "unread";
  return createHash("sha256")
    .update(JSON.stringify(declarationOf(meta)))
    .digest("base64");
}
