/**
 * Memory budget: one total for memory that clients can cause, with a share for each client and a queue.
 *
 * Every item (a request body, a message being assembled, an answer, an unread send buffer) holds a lease on the bytes it
 * keeps in memory. A lease asks before it grows. If there is room it grows at once; otherwise it waits. The queue serves
 * clients in turn and each client's leases in order, small ones first. One lease of all may exceed the bounds: an item
 * larger than a share is still possible. The bound on all leases is therefore the total and one largest item.
 */
import { GatewayError } from "../../domain/errors.ts";
import {
  createLedger,
  type HeldLease,
  type Ledger,
  type MemoryCounts,
  type OnGrant,
  type Waiting,
} from "./memory-ledger.ts";

/** Bounds of a budget. */
export interface MemoryBudgetOptions<Use extends string> {
  /** The uses that leases are counted by, fixed so that each is a series of the metrics. */
  readonly uses: readonly Use[];
  /** Bytes that all leases together may hold. */
  readonly totalBytes: number;
  /** Bytes that the leases of one client may hold. */
  readonly shareBytes: number;
  /** Bytes that a client may hold of the reserve for small items (`memory-ledger.ts`). */
  readonly smallBytes: number;
  /** Longest wait of `grow`, in ms, unless the caller sets another one. */
  readonly waitMs: number;
}

/** A budget. */
export interface MemoryBudget<Use extends string> {
  /** Opens a lease of zero bytes, which costs nothing until it grows. @param client identity or address */
  open(use: Use, client: string): MemoryLease;
  readonly counts: Readonly<Record<Use, Readonly<MemoryCounts>>>;
  /** Bytes of all leases. */
  heldBytes(): number;
  /** Whether any lease waits. */
  isShort(): boolean;
}

/** Memory of one item. All methods may be called after `release`, which ended the lease: they then do nothing. */
export interface MemoryLease {
  /** Bytes that it holds. */
  bytes(): number;
  /** Sets what it holds without asking: to shrink, or for memory that exists already. */
  set(bytes: number): void;
  /** Whether its client holds more than it may grow to now. */
  isOver(): boolean;
  /**
   * Grows at once where there is room.
   *
   * @returns whether it has grown
   */
  tryGrow(bytes: number): boolean;
  /**
   * Grows by so many bytes, now or later. One wait at a time.
   *
   * @param onGrant called once, always after the call has returned; not called after `release`
   * @param waitMs longest wait; infinite where it ends with a connection
   */
  whenRoom(bytes: number, onGrant: OnGrant, waitMs?: number): void;
  /** As `whenRoom`. @throws GatewayError OVERLOADED after the longest wait, or on release */
  grow(bytes: number): Promise<void>;
  /** Ends the lease and whatever it waits for. */
  release(): void;
}

/** When a client may try again, in ms. */
const RETRY_AFTER_MS = 2000;

/** The error of a request that found no memory. */
export const overloaded = (): GatewayError =>
  new GatewayError("OVERLOADED", "the gateway has no memory free for this request; try again later", {
    retryAfterMs: RETRY_AFTER_MS,
  });

/** Makes a budget in which nothing is held. */
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
  const ledger = createLedger({ totalBytes, shareBytes, smallBytes });
  return {
    counts,
    heldBytes: ledger.heldBytes,
    isShort: ledger.isShort,
    open: (use, name) =>
      createLease({ name, counts: counts[use], bytes: 0, account: "pool" }, ledger, waitMs),
  };
}

function createLease(lease: HeldLease, ledger: Ledger, longestWaitMs: number): MemoryLease {
  let waiting: Waiting | undefined;
  let isReleased = false;
  /** Rejects a `grow` that waits. */
  let abandon: (() => void) | undefined;

  function whenRoom(bytes: number, onGrant: OnGrant, waitMs = longestWaitMs): void {
    if (isReleased) return;
    if (waiting !== undefined) throw new Error("the lease waits already");
    const settled = (granted: boolean) => {
      waiting = undefined;
      onGrant(granted);
    };
    waiting = ledger.wait(lease, bytes, settled, waitMs);
  }

  const tryGrow = (bytes: number): boolean => !isReleased && ledger.tryGrow(lease, bytes);

  return {
    bytes: () => lease.bytes,
    set(bytes) {
      if (!isReleased) ledger.set(lease, bytes);
    },
    isOver: () => ledger.isOver(lease),
    tryGrow,
    whenRoom,
    grow: (bytes) =>
      new Promise((resolve, reject) => {
        if (tryGrow(bytes)) {
          resolve();
          return;
        }
        abandon = () => reject(overloaded());
        if (isReleased) abandon();
        else whenRoom(bytes, (granted) => (granted ? resolve() : reject(overloaded())));
      }),
    release() {
      if (isReleased) return;
      if (waiting !== undefined) ledger.cancel(waiting);
      waiting = undefined;
      ledger.set(lease, 0);
      isReleased = true;
      abandon?.();
    },
  };
}
