/**
 * Accounts of a memory budget. Every byte of a lease is in one of three accounts:
 *
 * | account | bound | for |
 * | --- | --- | --- |
 * | pool | three quarters of the total | any lease; a client may hold up to its share, and up to half of the free pool |
 * | reserve | a quarter of the total | small leases; a client may hold up to `smallBytes`, and up to 1/32 of the free reserve |
 * | exception | one lease | a lease that fits in neither, one at a time |
 *
 * Since a client may hold only half of the free pool, many clients that take their maximum still leave room for one more,
 * and small items fit in the reserve. The exception keeps leases that grow step by step from waiting for each other.
 */

/** Counters of one use. */
export interface MemoryCounts {
  /** Bytes currently held. */
  bytes: number;
  /** Number of waits since the start. */
  waits: number;
  /** Number of waits since the start that timed out. */
  rejections: number;
}

/** A lease as the ledger knows it. */
export interface HeldLease {
  /** Name of the client that it belongs to. */
  readonly name: string;
  readonly counts: MemoryCounts;
  heldBytes: number;
  account: Account;
  /** Whether it cannot be released before others, which therefore must not wait for it. It then is not the exception. */
  isQueued: boolean;
}

type Account = "pool" | "reserve" | "exception";

/** Bounds, in bytes. */
export interface MemoryBounds {
  /** Bytes that the leases in the pool and the reserve may hold together. */
  readonly totalBytes: number;
  /** Bytes of the pool that one client may hold. */
  readonly shareBytes: number;
  /** Maximum size of a lease in the reserve, and of all leases of one client there. */
  readonly smallBytes: number;
}

/** Memory of one client. It exists while any of its leases holds memory. */
interface Client {
  readonly bytes: Record<Account, number>;
  /** Leases that hold memory. */
  leases: number;
}

/** Fraction of the total that is the reserve. */
const RESERVE = 1 / 4;
/** Fraction of the free pool that a client may hold. */
const OF_FREE = 1 / 2;
/** Fraction of the free reserve that a client may hold: hundreds of clients with small items leave room for one more. */
const OF_FREE_RESERVE = 1 / 32;
/** A client may start an item as the exception while it holds at most this fraction of its share. */
const LITTLE = 1 / 4;

/** The accounts of all clients. */
export class MemoryAccounts {
  readonly #smallBytes: number;
  readonly #reserveBytes: number;
  readonly #poolBytes: number;
  /** Bytes of the pool that one client may hold. */
  readonly #maxBytes: number;
  readonly #clients = new Map<string, Client>();
  readonly #held: Record<Account, number> = { pool: 0, reserve: 0, exception: 0 };
  #exception: HeldLease | undefined;
  /** Leases that wait for more. */
  readonly #waiting = new Set<HeldLease>();
  /** Bytes that waiting leases hold in the pool, and the part of them that may be chunks read before a pause. */
  #waitingBytes = 0;
  #waitingChunks = 0;

  constructor({ totalBytes, shareBytes, smallBytes }: MemoryBounds) {
    this.#smallBytes = smallBytes;
    this.#reserveBytes = totalBytes * RESERVE;
    this.#poolBytes = totalBytes - this.#reserveBytes;
    this.#maxBytes = Math.min(shareBytes, this.#poolBytes);
  }

  heldBytes(): number {
    return this.#held.pool + this.#held.reserve + this.#held.exception;
  }

  /** Returns whether the client of a lease holds more than its current limit. */
  isOver({ name }: HeldLease): boolean {
    return (this.#clients.get(name)?.bytes.pool ?? 0) > this.#maxOfPool(this.#held.pool);
  }

  /** Returns the account that has room for a lease of the given size. */
  accountFor(lease: HeldLease, bytes: number, mayTakeException: boolean): Account | undefined {
    if (this.#exception === lease) return "exception";
    if (this.#fitsPool(lease, bytes)) return "pool";
    if (this.#fitsReserve(lease, bytes)) return "reserve";
    return mayTakeException && this.#mayBeException(lease) ? "exception" : undefined;
  }

  /** Sets the size of a lease that shrinks. The exception moves to the pool once it fits there. */
  shrink(lease: HeldLease, bytes: number): void {
    const fits = lease.account === "exception" && this.#fitsPool(lease, bytes);
    this.move(lease, bytes, fits ? "pool" : lease.account);
  }

  /** Sets the size and the account of a lease, without a check. */
  move(lease: HeldLease, bytes: number, account: Account): void {
    const client = this.#clientOf(lease);
    const isWaiting = this.#waiting.has(lease);
    if (isWaiting) this.#countWaiting(lease, -1);
    client.bytes[lease.account] -= lease.heldBytes;
    this.#held[lease.account] -= lease.heldBytes;
    if (lease.heldBytes === 0 && bytes > 0) client.leases++;
    if (lease.heldBytes > 0 && bytes === 0) client.leases--;
    lease.counts.bytes += bytes - lease.heldBytes;
    lease.heldBytes = bytes;
    lease.account = account;
    client.bytes[account] += bytes;
    this.#held[account] += bytes;
    if (isWaiting) this.#countWaiting(lease, 1);
    if (account === "exception" && bytes > 0) this.#exception = lease;
    else if (this.#exception === lease) this.#exception = undefined;
    if (client.leases === 0) this.#clients.delete(lease.name);
  }

  /** Counts the bytes of a lease as waiting. A lease has one wait at a time. */
  beginWait(lease: HeldLease): void {
    this.#waiting.add(lease);
    this.#countWaiting(lease, 1);
  }

  /** Counts the end of its wait. */
  endWait(lease: HeldLease): void {
    this.#waiting.delete(lease);
    this.#countWaiting(lease, -1);
  }

  #clientOf({ name }: HeldLease): Client {
    const known = this.#clients.get(name);
    if (known !== undefined) return known;
    const client = { bytes: { pool: 0, reserve: 0, exception: 0 }, leases: 0 };
    this.#clients.set(name, client);
    return client;
  }

  /** Returns the maximum that a client may hold of the pool, given the bytes held in the pool. */
  #maxOfPool(pool: number): number {
    return Math.min(this.#maxBytes, (this.#poolBytes - pool) * OF_FREE);
  }

  #fitsPool(lease: HeldLease, bytes: number): boolean {
    const own = lease.account === "pool" ? lease.heldBytes : 0;
    const ofClient = (this.#clients.get(lease.name)?.bytes.pool ?? 0) - own + bytes;
    return ofClient <= this.#maxOfPool(this.#held.pool - own + bytes);
  }

  #fitsReserve(lease: HeldLease, bytes: number): boolean {
    const own = lease.account === "reserve" ? lease.heldBytes : 0;
    const ofClient = (this.#clients.get(lease.name)?.bytes.reserve ?? 0) - own + bytes;
    const free = this.#reserveBytes - (this.#held.reserve - own + bytes);
    return ofClient <= Math.min(this.#smallBytes, free * OF_FREE_RESERVE);
  }

  #mayBeException(lease: HeldLease): boolean {
    return (
      this.#exception === undefined &&
      !lease.isQueued &&
      (lease.heldBytes > 0 || (this.#clients.get(lease.name)?.bytes.pool ?? 0) <= this.#maxBytes * LITTLE) &&
      !this.#isInDebt()
    );
  }

  /**
   * Returns whether the pool exceeds its bound: `set` is not checked, so an item received as the exception may have moved
   * to the pool. Further exceptions would then add to it without a bound. The chunk that a waiting lease read before its
   * connection was paused does not count, and nothing counts if all leases of the pool wait: one of them must continue.
   */
  #isInDebt(): boolean {
    const { pool } = this.#held;
    return (
      pool > this.#poolBytes && this.#waitingBytes < pool && pool - this.#waitingChunks > this.#poolBytes
    );
  }

  /** Adds the pool bytes of a lease to the sums over waits, or subtracts them. */
  #countWaiting({ account, heldBytes: bytes }: HeldLease, sign: 1 | -1): void {
    if (account !== "pool") return;
    this.#waitingBytes += sign * bytes;
    this.#waitingChunks += sign * Math.min(bytes, this.#smallBytes);
  }
}
