/**
 * CRC-32 of two parts from the checksums of both, without their bytes. A chunk that is stored as it is needs one checksum of its own
 * and is part of that of the file, so its bytes are read once instead of twice.
 *
 * Checksums are polynomials over GF(2), modulo the polynomial of CRC-32: bits after the first part multiply it by x for each bit.
 *
 * @see https://github.com/madler/zlib/blob/v1.3.1/crc32.c `crc32_combine`
 */

/** The polynomial, and x⁰ and x¹, with the lowest power in the highest bit. */
const MODULUS = 0xedb88320;
const X0 = 0x80000000;
const X1 = 0x40000000;
const BITS = 32;
/** x to the power of 2ⁿ, by n. Powers repeat after 32. */
const POWERS = powersOfTwo();

/** Returns the checksum of two parts. @param length bytes of the second one */
export function combinedChecksum(first: number, second: number, length: number): number {
  // 8 bits are 2³.
  let n = 3;
  let shifted = first;
  for (let left = length; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) shifted = product(POWERS[n % BITS] ?? 0, shifted);
    n++;
  }
  return (shifted ^ second) >>> 0;
}

function product(a: number, b: number): number {
  let sum = 0;
  let power = b;
  for (let bit = X0; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) sum ^= power;
    power = power & 1 ? (power >>> 1) ^ MODULUS : power >>> 1;
  }
  return sum >>> 0;
}

function powersOfTwo(): readonly number[] {
  const powers = [X1];
  for (let power = X1; powers.length < BITS; ) {
    power = product(power, power);
    powers.push(power);
  }
  return powers;
}
