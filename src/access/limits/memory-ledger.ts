/**
 * Accounts and queues of a memory budget. Every byte of a lease is in one of three accounts:
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

/** Receives the result of a wait: whether the lease has grown. */
export type OnGrant = (granted: boolean) => void;

/** A lease as the ledger knows it. */
export interface HeldLease {
  /** Name of the client that it belongs to. */
  readonly name: string;
  readonly counts: MemoryCounts;
  bytes: number;
  account: Account;
}

type Account = "pool" | "reserve" | "exception";

/** A lease in the queue. */
export interface Waiting {
  readonly lease: HeldLease;
  readonly bytes: number;
  readonly onGrant: OnGrant;
  readonly timer: NodeJS.Timeout | undefined;
}

interface Client {
  readonly name: string;
  readonly bytes: Record<Account, number>;
  /** Leases that hold memory. */
  leases: number;
  readonly queue: Set<Waiting>;
}

/** Bounds, in bytes. */
export interface LedgerOptions {
  /** Bytes that all leases together may hold, except for the exception. */
  readonly totalBytes: number;
  /** Bytes of the pool that one client may hold. */
  readonly shareBytes: number;
  /** Maximum size of a lease in the reserve, and of all leases of one client there. */
  readonly smallBytes: number;
}

/** Accounts and queues. */
export interface Ledger {
  heldBytes(): number;
  /** Whether any lease waits. */
  isShort(): boolean;
  /** Sets the size of a lease without a check. */
  set(lease: HeldLease, bytes: number): void;
  /** Returns whether the client of a lease holds more than its current limit. */
  isOver(lease: HeldLease): boolean;
  /** Grows a lease if there is room. @returns whether it has grown */
  tryGrow(lease: HeldLease, bytes: number): boolean;
  wait(lease: HeldLease, bytes: number, onGrant: OnGrant, waitMs: number): Waiting;
  /** Cancels a wait without calling `onGrant`. */
  cancel(one: Waiting): void;
}

/** Fraction of the total that is the reserve. */
const RESERVE = 1 / 4;
/** Fraction of the free pool that a client may hold. */
const OF_FREE = 1 / 2;
/** Fraction of the free reserve that a client may hold: hundreds of clients with small items leave room for one more. */
const OF_FREE_RESERVE = 1 / 32;
/** A client may start an item as the exception while it holds at most this fraction of its share. */
const LITTLE = 1 / 4;

/**
 * Maximum number of timed waits of one client, and of all clients. Each waiting lease may hold a chunk that was read before
 * its connection was paused, so the number of waits is bounded, too.
 */
const MAX_WAITING_OF_CLIENT = 100;
const MAX_WAITING = 1000;

/** Creates an empty ledger. */
export function createLedger({ totalBytes, shareBytes, smallBytes }: LedgerOptions): Ledger {
  const clients = new Map<string, Client>();
  /** Clients that wait, in round-robin order. */
  const waitingClients = new Set<Client>();
  /** All waits. `waitingClients` is incomplete while the queue is served. */
  const waits = new Set<Waiting>();
  const reserveBytes = totalBytes * RESERVE;
  const poolBytes = totalBytes - reserveBytes;
  const maxBytes = Math.min(shareBytes, poolBytes);
  const held: Record<Account, number> = { pool: 0, reserve: 0, exception: 0 };
  let exception: HeldLease | undefined;
  let isServing = false;
  /** Number of waits of each waiting lease. */
  const waitsOf = new Map<HeldLease, number>();
  /** Bytes that waiting leases hold in the pool, and the part of them that may be chunks read before a pause. */
  let waitingBytes = 0;
  let waitingChunks = 0;
  /** Number of waits with a timeout. */
  let timed = 0;

  /** Returns the record of a lease's client, which exists while any of its leases holds memory or waits. */
  function clientOf({ name }: HeldLease): Client {
    const known = clients.get(name);
    if (known !== undefined) return known;
    const client = {
      name,
      bytes: { pool: 0, reserve: 0, exception: 0 },
      leases: 0,
      queue: new Set<Waiting>(),
    };
    clients.set(name, client);
    return client;
  }

  function forgetIdle(client: Client): void {
    if (client.leases === 0 && client.queue.size === 0) clients.delete(client.name);
  }

  /** Returns the maximum that a client may hold of the pool, given the bytes held in the pool. */
  const maxOfPool = (pool: number): number => Math.min(maxBytes, (poolBytes - pool) * OF_FREE);

  function fitsPool(lease: HeldLease, bytes: number): boolean {
    const own = lease.account === "pool" ? lease.bytes : 0;
    const ofClient = (clients.get(lease.name)?.bytes.pool ?? 0) - own + bytes;
    return ofClient <= maxOfPool(held.pool - own + bytes);
  }

  function fitsReserve(lease: HeldLease, bytes: number): boolean {
    const own = lease.account === "reserve" ? lease.bytes : 0;
    const ofClient = (clients.get(lease.name)?.bytes.reserve ?? 0) - own + bytes;
    const free = reserveBytes - (held.reserve - own + bytes);
    return ofClient <= Math.min(smallBytes, free * OF_FREE_RESERVE);
  }

  /**
   * Returns whether the pool exceeds its bound: `set` is not checked, so an item received as the exception may have moved
   * to the pool. Further exceptions would then add to it without a bound. The chunk that a waiting lease read before its
   * connection was paused does not count, and nothing counts if all leases of the pool wait: one of them must continue.
   */
  const isInDebt = (): boolean =>
    held.pool > poolBytes && waitingBytes < held.pool && held.pool - waitingChunks > poolBytes;

  /** Adds what a lease holds in the pool to the sums over waits, or subtracts it. @param waits number of its waits */
  function countWaiting({ account, bytes }: HeldLease, waits: number): void {
    if (account !== "pool") return;
    waitingBytes += waits * bytes;
    waitingChunks += waits * Math.min(bytes, smallBytes);
  }

  const mayBeException = (lease: HeldLease): boolean =>
    exception === undefined &&
    (lease.bytes > 0 || (clients.get(lease.name)?.bytes.pool ?? 0) <= maxBytes * LITTLE) &&
    !isInDebt();

  /** Returns the account that has room for a lease of the given size. */
  function accountFor(lease: HeldLease, bytes: number, mayTakeException: boolean): Account | undefined {
    if (exception === lease) return "exception";
    if (fitsPool(lease, bytes)) return "pool";
    if (fitsReserve(lease, bytes)) return "reserve";
    return mayTakeException && mayBeException(lease) ? "exception" : undefined;
  }

  function move(lease: HeldLease, bytes: number, account: Account): void {
    const client = clientOf(lease);
    const waitsOfLease = waitsOf.get(lease) ?? 0;
    countWaiting(lease, -waitsOfLease);
    client.bytes[lease.account] -= lease.bytes;
    held[lease.account] -= lease.bytes;
    if (lease.bytes === 0 && bytes > 0) client.leases++;
    if (lease.bytes > 0 && bytes === 0) client.leases--;
    lease.counts.bytes += bytes - lease.bytes;
    lease.bytes = bytes;
    lease.account = account;
    client.bytes[account] += bytes;
    held[account] += bytes;
    countWaiting(lease, waitsOfLease);
    if (account === "exception" && bytes > 0) exception = lease;
    else if (exception === lease) exception = undefined;
    forgetIdle(client);
  }

  function set(lease: HeldLease, bytes: number): void {
    const change = bytes - lease.bytes;
    if (change === 0) return;
    if (change > 0) {
      move(lease, bytes, accountFor(lease, bytes, true) ?? "pool");
      return;
    }
    move(lease, bytes, lease.account === "exception" && fitsPool(lease, bytes) ? "pool" : lease.account);
    serveSoon();
  }

  /** Serves the queue once for all releases within one event-loop turn. */
  function serveSoon(): void {
    if (isServing || waits.size === 0) return;
    isServing = true;
    setImmediate(serve);
  }

  /** Grants waiting leases round robin, one per client, until nothing more fits. */
  function serve(): void {
    isServing = false;
    const blocked: Client[] = [];
    for (const client of waitingClients) {
      waitingClients.delete(client);
      if (!serveOne(client)) blocked.push(client);
      else if (client.queue.size > 0) waitingClients.add(client);
    }
    for (const client of blocked) if (client.queue.size > 0) waitingClients.add(client);
  }

  /** Grants the first lease that fits. Started items and small items may overtake one that needs more. */
  function serveOne(client: Client): boolean {
    let isFirst = true;
    for (const one of client.queue) {
      const { lease } = one;
      const bytes = lease.bytes + one.bytes;
      const account = accountFor(lease, bytes, isFirst || lease.bytes > 0);
      if (account !== undefined && (isFirst || lease.bytes > 0 || bytes <= smallBytes)) {
        leaveQueue(one);
        move(lease, bytes, account);
        one.onGrant(true);
        return true;
      }
      isFirst = false;
    }
    return false;
  }

  /** Counts a wait of a lease, or its end. */
  function countWait(lease: HeldLease, change: 1 | -1): void {
    const number = (waitsOf.get(lease) ?? 0) + change;
    if (number === 0) waitsOf.delete(lease);
    else waitsOf.set(lease, number);
    countWaiting(lease, change);
  }

  function leaveQueue(one: Waiting): void {
    clearTimeout(one.timer);
    if (one.timer !== undefined) timed--;
    const client = clientOf(one.lease);
    client.queue.delete(one);
    if (waits.delete(one)) countWait(one.lease, -1);
    if (client.queue.size === 0) waitingClients.delete(client);
  }

  function cancel(one: Waiting): void {
    leaveQueue(one);
    forgetIdle(clientOf(one.lease));
    // The next lease in the queue may need less.
    serveSoon();
  }

  return {
    heldBytes: () => held.pool + held.reserve + held.exception,
    isShort: () => waits.size > 0,
    set,
    isOver: ({ name }) => (clients.get(name)?.bytes.pool ?? 0) > maxOfPool(held.pool),
    tryGrow(lease, bytes) {
      const size = lease.bytes + bytes;
      const queue = clients.get(lease.name)?.queue;
      // Waiting leases of the same client have precedence, except over a started item, for which they may be waiting.
      const mayPass = queue === undefined || queue.size === 0 || lease.bytes > 0 || size <= smallBytes;
      const account = mayPass ? accountFor(lease, size, waits.size === 0) : undefined;
      if (account === undefined) return false;
      move(lease, size, account);
      return true;
    },
    wait(lease, bytes, onGrant, waitMs) {
      lease.counts.waits++;
      const client = clientOf(lease);
      const isBounded = Number.isFinite(waitMs);
      const isCrowded = timed >= MAX_WAITING || client.queue.size >= MAX_WAITING_OF_CLIENT;
      const giveUp = () => {
        lease.counts.rejections++;
        cancel(waiting);
        onGrant(false);
      };
      const timer = isBounded ? setTimeout(giveUp, isCrowded ? 0 : waitMs) : undefined;
      const waiting: Waiting = { lease, bytes, onGrant, timer };
      if (isBounded) timed++;
      client.queue.add(waiting);
      waits.add(waiting);
      countWait(lease, 1);
      waitingClients.add(client);
      serveSoon();
      return waiting;
    },
    cancel,
  };
}
