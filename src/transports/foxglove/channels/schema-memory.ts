/** Memory of the schemas of a viewer's channels. Clients choose their sizes, and a viewer keeps them while it is connected. */
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import { SMALL_VALUE_BYTES } from "../../../redis/registry/stored-values.ts";

/** Maximum size of the large schemas of a viewer, in bytes. A lease alone could exceed its limits, as one item may. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Memory per byte of metadata: the schema, and the metadata or the advertisement that it is part of. */
const COPIES = 2;

/** Counts large schemas, by stream key. */
export class SchemaMemory {
  readonly #lease: Pick<MemoryLease, "tryGrow" | "set" | "bytes" | "release">;
  readonly #bytes = new Map<string, number>();

  constructor(lease: Pick<MemoryLease, "tryGrow" | "set" | "bytes" | "release">) {
    this.#lease = lease;
  }

  /** Sets the size of a stream's schema, or of the metadata that it is read from. @returns whether there is memory for it */
  set(key: string, size: number): boolean {
    const bytes = size > SMALL_VALUE_BYTES ? size * COPIES : 0;
    const more = bytes - (this.#bytes.get(key) ?? 0);
    const held = this.#lease.bytes();
    if (more > 0 && (held + more > MAX_BYTES * COPIES || !this.#lease.tryGrow(more))) return false;
    if (more < 0) this.#lease.set(held + more);
    if (bytes > 0) this.#bytes.set(key, bytes);
    else this.#bytes.delete(key);
    return true;
  }

  close(): void {
    this.#lease.release();
  }
}
