/** Image type detection by the first bytes of a payload. */

/** Media types of images that browsers display. */
export type ImageType = "image/jpeg" | "image/png" | "image/webp" | "image/gif";

interface Signature {
  readonly type: ImageType;
  /** Bytes at their offsets; all must match. */
  readonly marks: readonly (readonly [offset: number, bytes: readonly number[]])[];
}

/** Image signatures (WHATWG MIME Sniffing, section 6.1). */
const SIGNATURES: readonly Signature[] = [
  { type: "image/jpeg", marks: [[0, [0xff, 0xd8, 0xff]]] },
  { type: "image/png", marks: [[0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]]] },
  // "RIFF", four bytes of length, "WEBP".
  {
    type: "image/webp",
    marks: [
      [0, [0x52, 0x49, 0x46, 0x46]],
      [8, [0x57, 0x45, 0x42, 0x50]],
    ],
  },
  // "GIF8", of "GIF87a" and "GIF89a".
  { type: "image/gif", marks: [[0, [0x47, 0x49, 0x46, 0x38]]] },
];

/** Returns the media type of an image, or undefined if the payload has no known image signature. */
export function imageTypeOf(data: Uint8Array): ImageType | undefined {
  for (const { type, marks } of SIGNATURES) {
    if (marks.every(([offset, bytes]) => bytes.every((byte, i) => data[offset + i] === byte))) return type;
  }
  return undefined;
}
