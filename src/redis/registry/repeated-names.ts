/**
 * Names of `SCAN` replies that repeat. Clients list the streams again and again, and Redis mostly returns the same bytes.
 * Comparing these takes a tenth of the time of decoding and sorting thousands of names.
 */

/** Replies that are remembered: those of about 16,000 keys. The oldest one is dropped first. */
const MAX_REPLIES = 8;
/** Larger replies, in bytes, are not remembered. */
const MAX_REPLY_BYTES = 128 * 1024;

/** The bytes of a list of names, and the sorted names. */
interface Remembered {
  readonly bytes: Buffer;
  /** Start and end of each name in `bytes`. */
  readonly places: Buffer;
  readonly sorted: readonly string[];
}

/**
 * Creates a function that decodes and sorts names. It returns the same list for the same bytes.
 *
 * @param decode selects and decodes names
 */
export function createNameSorter(
  decode: (names: readonly Buffer[]) => string[],
): (names: readonly Buffer[]) => readonly string[] {
  const known: Remembered[] = [];
  return (names) => {
    const { chunks, places } = layoutOf(names);
    const size = chunks.reduce((sum, { length }) => sum + length, 0);
    if (size > MAX_REPLY_BYTES) return decode(names).sort();
    const bytes = Buffer.concat(chunks);
    const found = known.find((one) => one.bytes.equals(bytes) && one.places.equals(places));
    if (found !== undefined) return found.sorted;
    const sorted = decode(names).sort();
    if (known.push({ bytes, places, sorted }) > MAX_REPLIES) known.shift();
    return sorted;
  };
}

/**
 * Returns the memory that contains the names, and the position of each in it. The names of a reply are slices of few chunks, so
 * it is far faster to compare them than the names. The bytes between two names belong to the same reply.
 */
function layoutOf(names: readonly Buffer[]): { readonly chunks: readonly Buffer[]; readonly places: Buffer } {
  const chunks: Buffer[] = [];
  const places = new Uint32Array(2 * names.length);
  let memory: ArrayBufferLike | undefined;
  let from = 0;
  let end = 0;
  /** Bytes in previous chunks. */
  let before = 0;
  const close = () => {
    if (memory !== undefined) chunks.push(Buffer.from(memory, from, end - from));
  };
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (name === undefined) continue;
    const { buffer, byteOffset, length } = name;
    if (buffer !== memory || byteOffset < end) {
      close();
      before += end - from;
      memory = buffer;
      from = byteOffset;
    }
    end = byteOffset + length;
    places[2 * i] = before + byteOffset - from;
    places[2 * i + 1] = before + end - from;
  }
  close();
  return { chunks, places: Buffer.from(places.buffer) };
}
