/**
 * Collects new objects, and with them the buffers that only they use. V8 does so by itself for every 32 MB of buffers, because it
 * expects that memory is plentiful; work that reads hundreds of megabytes a second would hold all of it as garbage.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** The function `gc` of V8. */
type Collect = (options: { readonly type: "minor" }) => void;

let collect: Collect | undefined;

/** Collects the objects that were created recently. Takes about 1 ms, as few of them are in use. */
export function collectNewObjects(): void {
  collect ??= findCollector();
  collect({ type: "minor" });
}

/** Entries that are not in use any more: new objects are collected whenever there are enough of them. */
export class DroppedEntries {
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param maxBytes bytes of entries after which their memory is freed */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Call when entries are not in use any more. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < this.#maxBytes) return;
    this.#bytes = 0;
    collectNewObjects();
  }
}

/** Returns V8's function, which only contexts have that are created while the flag is set. */
function findCollector(): Collect {
  setFlagsFromString("--expose-gc");
  try {
    // As a property: a name that does not exist would be a ReferenceError.
    const found: unknown = runInNewContext("globalThis.gc");
    return typeof found === "function" ? (found as Collect) : () => undefined;
  } finally {
    setFlagsFromString("--no-expose-gc");
  }
}
