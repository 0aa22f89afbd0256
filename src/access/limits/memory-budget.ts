/**
 * Memory budget: a bound on memory that clients can make the gateway use, with a share for each client and a queue.
 *
 * Every item (a request body, a message being assembled, an answer, an unread send buffer) holds a lease on the bytes it
 * keeps in memory. A lease grows at once if the budget has room; otherwise it waits. The queue serves clients round robin
 * and each client's leases in order, small ones first. One lease at a time may exceed the bounds, so that an item larger
 * than a share is still possible. All leases together are therefore bounded by the total plus one largest item.
 */
import { GatewayError } from "../../domain/errors.ts";
import type { HeldLease, MemoryCounts } from "./memory-accounts.ts";
import { MemoryLedger, type OnGrant, type Waiting } from "./memory-ledger.ts";

/** Bounds of a budget. */
export interface MemoryBudgetOptions<Use extends string> {
  /** Uses of memory. A fixed set, because the metrics have a time series for each. */
  readonly uses: readonly Use[];
  /** Bytes that all leases together may hold. */
  readonly totalBytes: number;
  /** Bytes that the leases of one client may hold. */
  readonly shareBytes: number;
  /** Bytes that a client may hold of the reserve for small items (`memory-accounts.ts`). */
  readonly smallBytes: number;
  /** Longest wait of `grow`, in ms, unless the caller sets another one. */
  readonly waitMs: number;
}

/** Memory budget: opens leases for clients. */
export interface MemoryBudget<Use extends string> {
  /** Opens a lease of zero bytes, which costs nothing until it grows. @param client identity or address */
  open(use: Use, client: string): MemoryLease;
  readonly counts: Readonly<Record<Use, Readonly<MemoryCounts>>>;
  /** Returns the bytes of all leases. */
  heldBytes(): number;
  /** Returns whether any lease waits. */
  isShort(): boolean;
}

/**
 * Memory of one item. After `release`, all methods do nothing. Estimates are rounded up to whole bytes, because sums of
 * fractions would not return to zero.
 */
export interface MemoryLease {
  /** Returns the bytes that it holds. */
  bytes(): number;
  /** Sets the bytes that it holds, without a check: to shrink, or for memory that is already allocated. */
  set(bytes: number): void;
  /** Returns whether its client holds more than it could currently grow to. */
  isOver(): boolean;
  /** Returns whether any lease waits. */
  isShort(): boolean;
  /**
   * Grows at once if there is room.
   *
   * @returns whether it has grown
   */
  tryGrow(bytes: number): boolean;
  /**
   * Grows by a number of bytes, now or later. Only one wait at a time is allowed.
   *
   * @param onGrant called once, always after the call has returned; not called after `release`
   * @param waitMs longest wait; infinite if the wait ends with the connection
   */
  whenRoom(bytes: number, onGrant: OnGrant, waitMs?: number): void;
  /** As `whenRoom`. @throws GatewayError OVERLOADED after the longest wait, or on release */
  grow(bytes: number): Promise<void>;
  /**
   * Sets whether the item cannot end before others, like a response behind others of its connection. It then is not the one
   * that exceeds the bounds: the others may need that, and would wait for it.
   */
  setQueued(isQueued: boolean): void;
  /** Ends the lease and cancels its wait. */
  release(): void;
  isReleased(): boolean;
}

/** Delay in ms after which a client may retry. */
const RETRY_AFTER_MS = 2000;

/** Creates the error of a request for which the budget has no room. */
export const overloaded = (): GatewayError =>
  new GatewayError("OVERLOADED", "the gateway has no free memory for this request; retry later", {
    retryAfterMs: RETRY_AFTER_MS,
  });

/** Creates an empty budget. */
export function createMemoryBudget<Use extends string>({
  uses,
  totalBytes,
  shareBytes,
  smallBytes,
  waitMs,
}: MemoryBudgetOptions<Use>): MemoryBudget<Use> {
  const counts = Object.fromEntries(
    uses.map((use) => [use, { bytes: 0, waits: 0, rejections: 0 }]),
  ) as Record<Use, MemoryCounts>;
  const ledger = new MemoryLedger({ totalBytes, shareBytes, smallBytes });
  return {
    counts,
    heldBytes: () => ledger.heldBytes(),
    isShort: () => ledger.isShort(),
    open: (use, name) => new Lease(name, counts[use], ledger, waitMs),
  };
}

/**
 * A lease, as its holder and the ledger see it. One object of one class: every connection has at least one, and functions
 * of its own would be most of what an idle one costs.
 */
class Lease implements MemoryLease, HeldLease {
  readonly name: string;
  readonly counts: MemoryCounts;
  readonly #ledger: MemoryLedger;
  readonly #longestWaitMs: number;
  /** Changed by the ledger. */
  heldBytes = 0;
  account: HeldLease["account"] = "pool";
  isQueued = false;
  #waiting: Waiting | undefined;
  #isReleased = false;
  /** Rejects a `grow` that waits. */
  #abandon: (() => void) | undefined;

  constructor(name: string, counts: MemoryCounts, ledger: MemoryLedger, longestWaitMs: number) {
    this.name = name;
    this.counts = counts;
    this.#ledger = ledger;
    this.#longestWaitMs = longestWaitMs;
  }

  bytes(): number {
    return this.heldBytes;
  }

  set(bytes: number): void {
    if (!this.#isReleased) this.#ledger.set(this, Math.ceil(bytes));
  }

  isOver(): boolean {
    return this.#ledger.isOver(this);
  }

  isShort(): boolean {
    return this.#ledger.isShort();
  }

  tryGrow(bytes: number): boolean {
    return !this.#isReleased && this.#ledger.tryGrow(this, Math.ceil(bytes));
  }

  whenRoom(bytes: number, onGrant: OnGrant, waitMs = this.#longestWaitMs): void {
    if (this.#isReleased) return;
    if (this.#waiting !== undefined) throw new Error("the lease is already waiting");
    const settled = (granted: boolean) => {
      this.#waiting = undefined;
      onGrant(granted);
    };
    this.#waiting = this.#ledger.wait(this, Math.ceil(bytes), settled, waitMs);
  }

  grow(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.tryGrow(bytes)) {
        resolve();
        return;
      }
      const abandon = () => reject(overloaded());
      this.#abandon = abandon;
      if (this.#isReleased) abandon();
      else this.whenRoom(bytes, (granted) => (granted ? resolve() : reject(overloaded())));
    });
  }

  setQueued(isQueued: boolean): void {
    this.isQueued = isQueued;
    if (!isQueued) this.#ledger.serveSoon();
  }

  release(): void {
    if (this.#isReleased) return;
    if (this.#waiting !== undefined) this.#ledger.cancel(this.#waiting);
    this.#waiting = undefined;
    this.#ledger.set(this, 0);
    this.#isReleased = true;
    this.#abandon?.();
  }

  isReleased(): boolean {
    return this.#isReleased;
  }
}
