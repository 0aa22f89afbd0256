/** JPEG images that are small as files and large as pictures. */

/** Bits of a block of 8 × 8 pixels: each of its two codes is the only one of its table, and has one bit. */
const BITS_PER_BLOCK = 2;

const segment = (marker: number, bytes: readonly number[]): readonly number[] => [
  ...[0xff, marker, (bytes.length + 2) >> 8, (bytes.length + 2) & 0xff],
  ...bytes,
];
const uint16 = (value: number): readonly number[] => [value >> 8, value & 0xff];
/** Huffman table with a single code: 0. */
const oneCode = (table: number): readonly number[] =>
  segment(0xc4, [table, 1, ...new Array<number>(15).fill(0), 0]);

/**
 * Creates a grey picture: a valid baseline JPEG with a 250th of a byte per pixel.
 *
 * @param garbage bytes between two segments, which decoders skip
 */
export function greyJpeg(width: number, height: number, garbage: readonly number[] = []): Buffer {
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8);
  const head = [
    ...[0xff, 0xd8],
    ...segment(0xdb, [0, ...new Array<number>(64).fill(1)]),
    ...garbage,
    ...segment(0xc0, [8, ...uint16(height), ...uint16(width), 1, 1, 0x11, 0]),
    ...oneCode(0x00),
    ...oneCode(0x10),
    ...segment(0xda, [1, 1, 0, 0, 63, 0]),
  ];
  const data = Buffer.alloc(Math.ceil((blocks * BITS_PER_BLOCK) / 8));
  return Buffer.concat([Buffer.from(head), data, Buffer.from([0xff, 0xd9])]);
}
