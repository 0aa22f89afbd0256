/** Parts of a file: an image is one entry, other files are cut into entries of a bounded size. */

/**
 * Maximum number of bytes of a part. Each is acknowledged before the next, so that a slow network does not fill the memory of
 * the phone.
 */
export const PART_BYTES = 256 * 1024;
/**
 * Maximum size of an image in bytes: the largest payload that the gateway returns with default settings (`MAX_ANSWER_BYTES`).
 */
export const IMAGE_BYTES = 16 * 1024 * 1024;

/** A part, which becomes an entry. */
export interface FilePart {
  readonly data: Uint8Array;
  /** Position of its first byte in the file. */
  readonly offset: number;
}

/** Returns why a file cannot be sent; undefined if it can. */
export function problemOfFile({
  name,
  type,
  size,
}: Pick<File, "name" | "type" | "size">): string | undefined {
  if (size === 0) return `${name} is empty.`;
  if (isImage(type) && size > IMAGE_BYTES)
    return `${name} is too large: an image is one entry, of at most ${IMAGE_BYTES / 2 ** 20} MB.`;
  return undefined;
}

/** Returns the fields of the entries of a file, besides the offset. */
export const fieldsOfFile = ({ name, type, size }: Pick<File, "name" | "type" | "size">) => ({
  "content-type": type === "" ? "application/octet-stream" : type,
  file: name,
  size: String(size),
});

/** Yields the parts of a file, in order. */
export async function* partsOf(file: File): AsyncGenerator<FilePart, void, undefined> {
  const max = isImage(file.type) ? IMAGE_BYTES : PART_BYTES;
  for (let offset = 0; offset < file.size; ) {
    const read = new Uint8Array(await file.slice(offset, offset + max).arrayBuffer());
    const isLast = offset + read.length >= file.size;
    const data = isLast || !isText(file.type) ? read : wholeLines(read);
    yield { data, offset };
    offset += data.length;
  }
}

const isImage = (type: string): boolean => type.startsWith("image/");
const isText = (type: string): boolean => /^text\/|[/+](json|x-ndjson|jsonl|xml|csv)$/.test(type);

const NEWLINE = 0x0a;

/** Cuts a part of a text after its last line, so that no line and no character is split. */
function wholeLines(data: Uint8Array): Uint8Array {
  const end = data.lastIndexOf(NEWLINE) + 1;
  return end === 0 ? data : data.subarray(0, end);
}
