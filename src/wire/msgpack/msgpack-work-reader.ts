/**
 * Fast reader of the usual message of a work queue in MessagePack: entries without fields. The general reader creates a list and a
 * map for each entry, which takes a worker as long as everything else that it does with the message.
 *
 *     [ [stream_id, entry_id, payload, nil, {"n": 1}], … ]
 */
import { type EntryId, parseId } from "../../domain/streams/entry-id.ts";
import { textOf } from "../utf8.ts";

const LIST_OF_5 = 0x95;
const NIL = 0xc0;
/** `{"n": …}`, up to the value. */
const COUNT_HEAD = [0x81, 0xa1, 0x6e] as const;

/** Longer names are left to the general reader. */
const MAX_TEXT_BYTES = 1024;
const NO_BYTES = new Uint8Array(0);

/** An entry without fields. */
export interface PlainWork {
  readonly stream: string;
  readonly id: EntryId;
  readonly data: Uint8Array;
  readonly n: number;
}

/** Reads the entries of a message. @returns undefined if it is anything but entries without fields, also if it is not valid */
export const readPlainWork = (message: Uint8Array): readonly PlainWork[] | undefined =>
  new PlainWorkReader(message).read();

/** Reader of one message. Its methods return -1 or undefined for anything unexpected; past the end, bytes are undefined. */
class PlainWorkReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(message: Uint8Array) {
    this.#bytes = message;
  }

  read(): readonly PlainWork[] | undefined {
    const bytes = this.#bytes;
    const count = this.#length(0x90, 0x0f, 0xdc);
    const entries: PlainWork[] = [];
    let stream: string | undefined;
    /** The bytes of `stream`. */
    let name: Uint8Array = NO_BYTES;
    for (let i = 0; i < count; i++) {
      if (bytes[this.#at++] !== LIST_OF_5) return undefined;
      const view = this.#textBytes();
      if (view === undefined) return undefined;
      if (stream === undefined || !isSame(view, name)) {
        stream = textOf(view);
        name = view;
      }
      const idBytes = this.#textBytes();
      const id = idBytes && textOf(idBytes);
      const data = this.#payload();
      if (stream === undefined || id === undefined || data === undefined) return undefined;
      const n = this.#nilAndCount();
      const parsed = parseId(id);
      if (n < 0 || parsed === undefined) return undefined;
      entries.push({ stream, id: parsed, data, n });
    }
    return count >= 0 && this.#at === bytes.length ? entries : undefined;
  }

  /** @param fix first byte of length 0 @param mask its bits that hold a length @param bits16 byte before 16 bits @param bits8 before 8 */
  #length(fix: number, mask: number, bits16: number, bits8 = -1): number {
    const head = this.#bytes[this.#at++] ?? -1;
    if (head >= fix && head <= fix + mask) return head - fix;
    if (head === bits8) return this.#uint(1);
    return head === bits16 ? this.#uint(2) : -1;
  }

  /** Reads a big-endian integer. */
  #uint(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (this.#bytes[this.#at++] ?? Number.NaN);
    return Number.isNaN(value) ? -1 : value;
  }

  /** Reads a name or an id. */
  #textBytes(): Uint8Array | undefined {
    const length = this.#length(0xa0, 0x1f, 0xda, 0xd9);
    return length > MAX_TEXT_BYTES ? undefined : this.#view(length);
  }

  #payload(): Uint8Array | undefined {
    const size = 2 ** ((this.#bytes[this.#at++] ?? 0) - 0xc4);
    return size === 1 || size === 2 || size === 4 ? this.#view(this.#uint(size)) : undefined;
  }

  #view(length: number): Uint8Array | undefined {
    const start = this.#at;
    const end = start + length;
    if (length < 0 || end > this.#bytes.length) return undefined;
    this.#at = end;
    return this.#bytes.subarray(start, end);
  }

  #nilAndCount(): number {
    if (this.#bytes[this.#at++] !== NIL) return -1;
    for (const byte of COUNT_HEAD) if (this.#bytes[this.#at++] !== byte) return -1;
    const head = this.#bytes[this.#at++] ?? -1;
    if (head < 0x80) return head;
    return head >= 0xcc && head <= 0xce ? this.#uint(2 ** (head - 0xcc)) : -1;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
