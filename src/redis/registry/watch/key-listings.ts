/** Listings of key scopes: scans the keys of Redis, and takes the differences. */
import { sleep } from "../../../domain/scheduling/sleep.ts";
import type { WorkSlices } from "../../../domain/scheduling/work-slice.ts";
import type { KeyScan } from "../scan.ts";
import type { KeyScope } from "./key-scope.ts";

/** Parts that listings use. */
export interface KeyListingsParts {
  readonly scan: KeyScan;
  readonly workSlices: WorkSlices;
  /** Whether a scope is still used. */
  readonly isCurrent: (scope: KeyScope) => boolean;
  /** Checks a key whose existence is uncertain. */
  readonly check: (key: string) => void;
}

/** Time (ms) before a failed listing is repeated. */
const RETRY_MS = 500;

/** Listings over one connection, one at a time for each scope. */
export class KeyListings {
  readonly #parts: KeyListingsParts;
  readonly #running = new Map<KeyScope, Promise<void>>();
  /** Scopes to list again after the listing in progress. */
  readonly #again = new Set<KeyScope>();

  constructor(parts: KeyListingsParts) {
    this.#parts = parts;
  }

  /** Returns the listing of a scope in progress. */
  runningOf(scope: KeyScope): Promise<void> | undefined {
    return this.#running.get(scope);
  }

  /** Lists a scope. @param isRepeated whether to try again if it fails */
  list(scope: KeyScope, isRepeated: boolean): Promise<void> {
    const running = this.#running.get(scope);
    if (running !== undefined) {
      this.#again.add(scope);
      return running;
    }
    const listing = this.#listUntilDone(scope, isRepeated).finally(() => this.#running.delete(scope));
    this.#running.set(scope, listing);
    return listing;
  }

  async #listUntilDone(scope: KeyScope, isRepeated: boolean): Promise<void> {
    const { scan, workSlices, isCurrent, check } = this.#parts;
    for (;;) {
      this.#again.delete(scope);
      scope.beginListing();
      try {
        const listed = await scan.streams();
        await workSlices.run(scope.takeListing(listed, check));
      } catch (error) {
        if (!isCurrent(scope)) return;
        if (!isRepeated) throw error;
        this.#again.add(scope);
        await sleep(RETRY_MS);
      }
      if (!this.#again.has(scope)) return;
    }
  }
}
