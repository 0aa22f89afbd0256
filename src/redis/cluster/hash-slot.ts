/**
 * Hash slot of a key in a Redis Cluster: the CRC16 of its hash tag, or of the whole key if it has none, modulo 16384.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model
 */

/** Number of slots of every cluster. */
export const SLOTS = 16_384;

/** Table of CRC16/XMODEM (polynomial 0x1021) by byte. */
const CRC = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** Returns the hash tag of a key: the text in its first braces. Undefined if it has none. */
export function hashTagOf(key: string): string | undefined {
  const open = key.indexOf("{");
  const close = open < 0 ? -1 : key.indexOf("}", open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : undefined;
}

/** The slot of a key. */
export function slotOf(key: string): number {
  const bytes = Buffer.from(hashTagOf(key) ?? key);
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) ^ (CRC[(crc >> 8) ^ byte] ?? 0)) & 0xffff;
  return crc % SLOTS;
}

/** Text that may stand in braces in a key, so that the key is in the same slot as another one. */
export function tagFor(key: string): string {
  const tag = hashTagOf(key) ?? key;
  if (tag !== "" && !tag.includes("}")) return tag;
  // A brace would end it too soon.
  const slot = slotOf(key);
  const number = tagWhere((one) => one === slot);
  if (number === undefined) throw new Error(`no number has the slot ${slot}`);
  return number;
}

/** The numbers from 0 to 109,757 cover all slots. */
const NUMBERS = 109_758;

/** Returns a hash tag whose slot satisfies `isWanted`; undefined if no slot does. Computes up to 50 ms in that case. */
export function tagWhere(isWanted: (slot: number) => boolean): string | undefined {
  for (let number = 0; number < NUMBERS; number++)
    if (isWanted(slotOf(String(number)))) return String(number);
  return undefined;
}
