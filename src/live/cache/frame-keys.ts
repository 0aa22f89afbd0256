/**
 * Keys of encoded frames in the batches' caches. All readers with the same form and stream name have the same string object, so
 * that a lookup compares addresses: hundreds of readers per turn would otherwise each load characters of their own.
 */

/** Number of keys after which they are forgotten. Readers that have one keep it, and later ones get another object. */
const MAX_KEYS = 4096;

/** Returns the key of a frame in a cache: encoders with the same form produce the same frame of a stream of that name. */
export const frameKeyOf = (form: string, name: string): string => `${form} ${name}`;

/** The keys of a gateway. */
export class FrameKeys {
  readonly #known = new Map<string, string>();

  /** As `frameKeyOf`, the same object for all readers. */
  of(form: string, name: string): string {
    const key = frameKeyOf(form, name);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_KEYS) this.#known.clear();
    this.#known.set(key, key);
    return key;
  }
}
