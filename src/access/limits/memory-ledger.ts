/**
 * Accounts and queues of a memory budget. Every byte of a lease is in one of three accounts:
 *
 * | account | bound | for |
 * | --- | --- | --- |
 * | pool | three quarters of the total | any lease; a client may hold its share, and half of what is left free |
 * | reserve | a quarter of the total | small leases; a client may hold `smallBytes`, and 1/32 of what is left free |
 * | exception | one lease | a lease that fits nowhere else, in turn |
 *
 * Since a client may hold half of what is left free, many clients that take all they can still leave room for one more, and
 * small items find room in the reserve. The exception keeps leases that grow step by step from waiting for each other.
 */

/** Counters of one use. */
export interface MemoryCounts {
  /** Held now. */
  bytes: number;
  /** Leases that had to wait, since the start. */
  waits: number;
  /** Leases that waited in vain, since the start. */
  rejections: number;
}

/** Answer to a wait: whether the lease has grown. */
export type OnGrant = (granted: boolean) => void;

/** A lease as the ledger knows it. */
export interface HeldLease {
  /** Client that it belongs to. */
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
  /** Bytes that all leases together may hold, but for the exception. */
  readonly totalBytes: number;
  /** Bytes of the pool that one client may hold. */
  readonly shareBytes: number;
  /** Largest lease in the reserve, and what one client may hold there. */
  readonly smallBytes: number;
}

/** Accounts and queues. */
export interface Ledger {
  heldBytes(): number;
  /** Whether any lease waits. */
  isShort(): boolean;
  /** Sets what a lease holds without asking. */
  set(lease: HeldLease, bytes: number): void;
  /** Whether the client of a lease holds more than it may grow to now. */
  isOver(lease: HeldLease): boolean;
  /** Grows a lease where there is room. @returns whether it has grown */
  tryGrow(lease: HeldLease, bytes: number): boolean;
  wait(lease: HeldLease, bytes: number, onGrant: OnGrant, waitMs: number): Waiting;
  /** Takes a wait back without an answer. */
  cancel(one: Waiting): void;
}

/** Part of the total that is the reserve. */
const RESERVE = 1 / 4;
/** Part of the free pool that a client may hold. */
const OF_FREE = 1 / 2;
/** Part of the free reserve that a client may hold: hundreds of clients with small items leave room for one more. */
const OF_FREE_RESERVE = 1 / 32;
/** A client may begin an item as the exception while it holds no more than this part of its share. */
const LITTLE = 1 / 4;

/**
 * Leases of one client, and of all, that may wait for a bounded time. Each may hold a chunk that was read before its
 * connection was paused, so they have a bound of their own.
 */
const MOST_WAITING_OF_CLIENT = 100;
const MOST_WAITING = 1000;

/** Makes a ledger in which nothing is held. */
export function createLedger({ totalBytes, shareBytes, smallBytes }: LedgerOptions): Ledger {
  const clients = new Map<string, Client>();
  /** Clients that wait, the one whose turn it is first. */
  const waitingClients = new Set<Client>();
  const reserveBytes = totalBytes * RESERVE;
  const poolBytes = totalBytes - reserveBytes;
  const mostBytes = Math.min(shareBytes, poolBytes);
  const held: Record<Account, number> = { pool: 0, reserve: 0, exception: 0 };
  let exception: HeldLease | undefined;
  let isServing = false;
  /** Waits with a bound on their time. */
  let timed = 0;

  /** The record of a lease's client, which exists while any of its leases holds memory or waits. */
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

  /** What a client may hold of the pool now, if the pool holds so much. */
  const mostOfPool = (pool: number): number => Math.min(mostBytes, (poolBytes - pool) * OF_FREE);

  function fitsPool(lease: HeldLease, bytes: number): boolean {
    const own = lease.account === "pool" ? lease.bytes : 0;
    const ofClient = (clients.get(lease.name)?.bytes.pool ?? 0) - own + bytes;
    return ofClient <= mostOfPool(held.pool - own + bytes);
  }

  function fitsReserve(lease: HeldLease, bytes: number): boolean {
    const own = lease.account === "reserve" ? lease.bytes : 0;
    const ofClient = (clients.get(lease.name)?.bytes.reserve ?? 0) - own + bytes;
    const free = reserveBytes - (held.reserve - own + bytes);
    return ofClient <= Math.min(smallBytes, free * OF_FREE_RESERVE);
  }

  /**
   * Whether the pool is beyond its bound with memory that does not wait itself: `set` does not ask, so an item that came in
   * as the exception may have moved there. Another exception would then add to it, and so on without a bound.
   */
  function isInDebt(): boolean {
    if (held.pool <= poolBytes) return false;
    let stalled = 0;
    for (const { queue } of waitingClients)
      for (const { lease } of queue) if (lease.account === "pool") stalled += lease.bytes;
    return held.pool - stalled > poolBytes;
  }

  const mayBeException = (lease: HeldLease): boolean =>
    exception === undefined &&
    (lease.bytes > 0 || (clients.get(lease.name)?.bytes.pool ?? 0) <= mostBytes * LITTLE) &&
    !isInDebt();

  /** The account that has room for a lease of so many bytes. */
  function accountFor(lease: HeldLease, bytes: number, mayTakeException: boolean): Account | undefined {
    if (exception === lease) return "exception";
    if (fitsPool(lease, bytes)) return "pool";
    if (fitsReserve(lease, bytes)) return "reserve";
    return mayTakeException && mayBeException(lease) ? "exception" : undefined;
  }

  function move(lease: HeldLease, bytes: number, account: Account): void {
    const client = clientOf(lease);
    client.bytes[lease.account] -= lease.bytes;
    held[lease.account] -= lease.bytes;
    if (lease.bytes === 0 && bytes > 0) client.leases++;
    if (lease.bytes > 0 && bytes === 0) client.leases--;
    lease.counts.bytes += bytes - lease.bytes;
    lease.bytes = bytes;
    lease.account = account;
    client.bytes[account] += bytes;
    held[account] += bytes;
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

  /** Once for all that is released in one turn of the event loop. */
  function serveSoon(): void {
    if (isServing || waitingClients.size === 0) return;
    isServing = true;
    setImmediate(serve);
  }

  /** Grants what there is room for: one lease of each client in turn, until nothing more fits. */
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

  /** Grants the first that there is room for. Items that have begun and small ones may pass one that needs more. */
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

  function leaveQueue(one: Waiting): void {
    clearTimeout(one.timer);
    if (one.timer !== undefined) timed--;
    const client = clientOf(one.lease);
    client.queue.delete(one);
    if (client.queue.size === 0) waitingClients.delete(client);
  }

  function cancel(one: Waiting): void {
    leaveQueue(one);
    forgetIdle(clientOf(one.lease));
    // The one behind it may need less.
    serveSoon();
  }

  return {
    heldBytes: () => held.pool + held.reserve + held.exception,
    isShort: () => waitingClients.size > 0,
    set,
    isOver: ({ name }) => (clients.get(name)?.bytes.pool ?? 0) > mostOfPool(held.pool),
    tryGrow(lease, bytes) {
      const size = lease.bytes + bytes;
      const queue = clients.get(lease.name)?.queue;
      // Leases of the same client that wait came first. An item that has begun may be what they wait for.
      const mayPass = queue === undefined || queue.size === 0 || lease.bytes > 0 || size <= smallBytes;
      const account = mayPass ? accountFor(lease, size, waitingClients.size === 0) : undefined;
      if (account === undefined) return false;
      move(lease, size, account);
      return true;
    },
    wait(lease, bytes, onGrant, waitMs) {
      lease.counts.waits++;
      const client = clientOf(lease);
      const isBounded = Number.isFinite(waitMs);
      const isCrowded = timed >= MOST_WAITING || client.queue.size >= MOST_WAITING_OF_CLIENT;
      const giveUp = () => {
        lease.counts.rejections++;
        cancel(waiting);
        onGrant(false);
      };
      const timer = isBounded ? setTimeout(giveUp, isCrowded ? 0 : waitMs) : undefined;
      const waiting: Waiting = { lease, bytes, onGrant, timer };
      if (isBounded) timed++;
      client.queue.add(waiting);
      waitingClients.add(client);
      serveSoon();
      return waiting;
    },
    cancel,
  };
}
