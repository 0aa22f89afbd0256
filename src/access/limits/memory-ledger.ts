/** Ledger of a memory budget: the accounts of clients (`memory-accounts.ts`), and the queue of leases that wait for room. */
import { type HeldLease, MemoryAccounts, type MemoryBounds } from "./memory-accounts.ts";

/** Receives the result of a wait: whether the lease has grown. */
export type OnGrant = (granted: boolean) => void;

/** A lease in the queue. */
export interface Waiting {
  /** Number of the wait, in order of arrival. */
  readonly number: number;
  readonly lease: HeldLease;
  readonly bytes: number;
  readonly onGrant: OnGrant;
  readonly timer: NodeJS.Timeout | undefined;
}

/**
 * Maximum number of timed waits of one client, and of all clients. Each waiting lease may hold a chunk that was read before
 * its connection was paused, so the number of waits is bounded, too.
 */
const MAX_WAITING_OF_CLIENT = 100;
const MAX_WAITING = 1000;

/** Accounts, and a queue for each client. */
export class MemoryLedger {
  readonly #smallBytes: number;
  readonly #accounts: MemoryAccounts;
  /** Waiting leases of each client that has any. */
  readonly #queues = new Map<string, Set<Waiting>>();
  /** Queues in round-robin order. Incomplete while they are served. */
  readonly #order = new Set<Set<Waiting>>();
  /** All waits. */
  readonly #waits = new Set<Waiting>();
  #isServing = false;
  /** Number of waits with a timeout. */
  #timed = 0;
  /** Number of the next wait. */
  #next = 0;

  constructor(bounds: MemoryBounds) {
    this.#smallBytes = bounds.smallBytes;
    this.#accounts = new MemoryAccounts(bounds);
  }

  heldBytes(): number {
    return this.#accounts.heldBytes();
  }

  /** Whether any lease waits. */
  isShort(): boolean {
    return this.#waits.size > 0;
  }

  /** Returns whether the client of a lease holds more than its current limit. */
  isOver(lease: HeldLease): boolean {
    return this.#accounts.isOver(lease);
  }

  /** Sets the size of a lease without a check. */
  set(lease: HeldLease, bytes: number): void {
    if (bytes === lease.heldBytes) return;
    if (bytes > lease.heldBytes) {
      this.#accounts.move(lease, bytes, this.#accounts.accountFor(lease, bytes, true) ?? "pool");
      return;
    }
    this.#accounts.shrink(lease, bytes);
    this.serveSoon();
  }

  /** Grows a lease if there is room. @returns whether it has grown */
  tryGrow(lease: HeldLease, bytes: number): boolean {
    const size = lease.heldBytes + bytes;
    // Waiting leases of the same client have precedence, except over a started item, for which they may be waiting.
    const mayPass = !this.#queues.has(lease.name) || lease.heldBytes > 0 || size <= this.#smallBytes;
    const account = mayPass ? this.#accounts.accountFor(lease, size, this.#waits.size === 0) : undefined;
    if (account === undefined) return false;
    this.#accounts.move(lease, size, account);
    return true;
  }

  /** Waits for room. @param waitMs time limit; may be infinite */
  wait(lease: HeldLease, bytes: number, onGrant: OnGrant, waitMs: number): Waiting {
    lease.counts.waits++;
    const queue = this.#queues.get(lease.name) ?? new Set<Waiting>();
    this.#queues.set(lease.name, queue);
    const isBounded = Number.isFinite(waitMs);
    const isCrowded = this.#timed >= MAX_WAITING || queue.size >= MAX_WAITING_OF_CLIENT;
    const giveUp = () => {
      lease.counts.rejections++;
      this.cancel(waiting);
      onGrant(false);
    };
    const timer = isBounded ? setTimeout(giveUp, isCrowded ? 0 : waitMs) : undefined;
    const waiting: Waiting = { number: this.#next++, lease, bytes, onGrant, timer };
    if (isBounded) this.#timed++;
    queue.add(waiting);
    this.#waits.add(waiting);
    this.#accounts.beginWait(lease);
    this.#order.add(queue);
    this.serveSoon();
    return waiting;
  }

  /** Cancels a wait without calling `onGrant`. */
  cancel(one: Waiting): void {
    this.#leaveQueue(one);
    // The next lease in the queue may need less.
    this.serveSoon();
  }

  /** Serves the queue once for all changes within one event-loop turn. */
  serveSoon(): void {
    if (this.#isServing || this.#waits.size === 0) return;
    this.#isServing = true;
    setImmediate(this.#serve);
  }

  /**
   * Grants waiting leases round robin, one per client, until nothing more fits. A wait that begins meanwhile is served in the
   * next turn: a lease that waits for more after each grant would otherwise hold the event loop forever.
   */
  readonly #serve = (): void => {
    this.#isServing = false;
    const end = this.#next;
    const rest: Set<Waiting>[] = [];
    for (const queue of this.#order) {
      this.#order.delete(queue);
      if (!this.#serveOne(queue, end)) rest.push(queue);
      else if (queue.size > 0) this.#order.add(queue);
    }
    for (const queue of rest) if (queue.size > 0) this.#order.add(queue);
  };

  /**
   * Grants the first lease that fits. Started items and small items may overtake one that needs more.
   *
   * @param end number of the first wait that is served later
   */
  #serveOne(queue: ReadonlySet<Waiting>, end: number): boolean {
    let isFirst = true;
    for (const one of queue) {
      if (one.number >= end) return false;
      const { lease } = one;
      const bytes = lease.heldBytes + one.bytes;
      const account = this.#accounts.accountFor(lease, bytes, isFirst || lease.heldBytes > 0);
      if (account !== undefined && (isFirst || lease.heldBytes > 0 || bytes <= this.#smallBytes)) {
        this.#leaveQueue(one);
        this.#accounts.move(lease, bytes, account);
        one.onGrant(true);
        return true;
      }
      isFirst = false;
    }
    return false;
  }

  #leaveQueue(one: Waiting): void {
    clearTimeout(one.timer);
    if (one.timer !== undefined) this.#timed--;
    if (this.#waits.delete(one)) this.#accounts.endWait(one.lease);
    const queue = this.#queues.get(one.lease.name);
    if (queue === undefined) return;
    queue.delete(one);
    if (queue.size > 0) return;
    this.#queues.delete(one.lease.name);
    this.#order.delete(queue);
  }
}
