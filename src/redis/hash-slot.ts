/**
 * Which of a cluster's 16384 slots a key is in: CRC16 of the key, or of the part in its first braces where there is one.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model
 */

/** How many slots every cluster has. */
export const SLOTS = 16_384;

/** CRC16/XMODEM, polynomial 0x1021, by the byte. */
const CRC = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** The part of a key that decides its slot: what stands in its first braces, else all of it. */
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
  // A brace would end it too soon: some number has the slot, too.
  const slot = slotOf(key);
  for (let number = 0; ; number++) if (slotOf(String(number)) === slot) return String(number);
}
