/**
 * Memory budget: one total for memory that clients can cause, with a share for each client and a first-come queue.
 *
 * Every item (a request body, a message being assembled, an answer, an unread send buffer) holds a lease on the bytes it
 * keeps in memory. A lease asks before it grows. Within the total and the client's share it grows at once; otherwise it
 * waits. The queue serves clients in turn and each client's leases in order.
 *
 * One lease of each client may exceed its share, if the client holds little else, and one lease of all may exceed the total.
 * It keeps that right until there is room again. So an item larger than a share is still possible, and items that grow step
 * by step cannot block each other for ever. The bound on all leases is therefore the total and one largest item.
 */
import { GatewayError } from "../domain/errors.ts";

/** Bounds of a budget. */
export interface MemoryBudgetOptions<Use extends string> {
  /** The uses that leases are counted by, fixed so that each is a series of the metrics. */
  readonly uses: readonly Use[];
  /** Bytes that all leases together may hold. */
  readonly totalBytes: number;
  /** Bytes that the leases of one client may hold. */
  readonly shareBytes: number;
  /** Longest wait of `grow`, in ms, unless the caller sets another one. */
  readonly waitMs: number;
}

/** Counters of one use. */
export interface MemoryCounts {
  /** Held now. */
  bytes: number;
  /** Leases that had to wait, since the start. */
  waits: number;
  /** Leases that waited in vain, since the start. */
  rejections: number;
}

/** A budget. */
export interface MemoryBudget<Use extends string> {
  /** Opens a lease of zero bytes, which costs nothing until it grows. @param client identity or address */
  open(use: Use, client: string): MemoryLease;
  readonly counts: Readonly<Record<Use, Readonly<MemoryCounts>>>;
  /** Bytes of all leases. */
  heldBytes(): number;
}

/** Answer to a wait: whether the lease has grown. */
export type OnGrant = (granted: boolean) => void;

/** Memory of one item. All methods may be called after `release`, which ended the lease: they then do nothing. */
export interface MemoryLease {
  /** Bytes that it holds. */
  bytes(): number;
  /** Sets what it holds without asking: to shrink, or for memory that exists already. */
  set(bytes: number): void;
  /** Whether its client holds more than its share, or all together more than the total. */
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

/**
 * Leases of one client, and of all, that may wait for a bounded time. Each may hold a chunk that was read before its
 * connection was paused, so they have a bound of their own.
 */
const MOST_WAITING_OF_CLIENT = 100;
const MOST_WAITING = 1000;

/** A client may begin an item beyond its share while it uses no more than this part of the share. */
const LITTLE = 1 / 4;

/** When a client may try again, in ms. */
const RETRY_AFTER_MS = 2000;

/** The error of a request that found no memory. */
export const overloaded = (): GatewayError =>
  new GatewayError("OVERLOADED", "the gateway has no memory free for this request; try again later", {
    retryAfterMs: RETRY_AFTER_MS,
  });

interface Waiting {
  readonly lease: HeldLease;
  readonly bytes: number;
  readonly onGrant: OnGrant;
  readonly timer: NodeJS.Timeout | undefined;
}

interface Client {
  readonly name: string;
  bytes: number;
  /** Leases that hold memory. */
  leases: number;
  /** Bytes of its leases that wait. */
  waitingBytes: number;
  /** The lease that may exceed the share. */
  over: HeldLease | undefined;
  readonly queue: Set<Waiting>;
}

interface HeldLease {
  readonly name: string;
  readonly counts: MemoryCounts;
  /** Present while it holds memory or waits. */
  client: Client | undefined;
  bytes: number;
  isWaiting: boolean;
}

/** Makes a budget in which nothing is held. */
export function createMemoryBudget<Use extends string>({
  uses,
  totalBytes,
  shareBytes,
  waitMs,
}: MemoryBudgetOptions<Use>): MemoryBudget<Use> {
  const counts = Object.fromEntries(
    uses.map((use) => [use, { bytes: 0, waits: 0, rejections: 0 }]),
  ) as Record<Use, MemoryCounts>;
  const ledger = createLedger(totalBytes, shareBytes);
  return {
    counts,
    heldBytes: ledger.heldBytes,
    open: (use, name) =>
      createLease(
        { name, counts: counts[use], client: undefined, bytes: 0, isWaiting: false },
        ledger,
        waitMs,
      ),
  };
}

/** Accounts and queues of a budget. */
interface Ledger {
  heldBytes(): number;
  set(lease: HeldLease, bytes: number): void;
  isOver(lease: HeldLease): boolean;
  /** Grows a lease, which takes the right to exceed a bound where it needs it. @returns whether it has grown */
  tryGrow(lease: HeldLease, bytes: number): boolean;
  wait(lease: HeldLease, bytes: number, onGrant: OnGrant, waitMs: number): Waiting;
  /** Takes a wait back without an answer. */
  cancel(one: Waiting): void;
}

function createLedger(totalBytes: number, shareBytes: number): Ledger {
  const clients = new Map<string, Client>();
  /** Clients that wait, the one whose turn it is first. */
  const waitingClients = new Set<Client>();
  let held = 0;
  /** The lease that may exceed the total. */
  let over: HeldLease | undefined;
  let isServing = false;
  /** Bytes of leases that wait. */
  let waitingBytes = 0;
  /** Waits with a bound on their time. */
  let timed = 0;

  /** The account of a lease's client, which exists while any of its leases holds memory or waits. */
  function clientOf(lease: HeldLease): Client {
    const { name } = lease;
    const client = clients.get(name) ?? {
      name,
      bytes: 0,
      leases: 0,
      waitingBytes: 0,
      over: undefined,
      queue: new Set(),
    };
    clients.set(name, client);
    lease.client = client;
    return client;
  }

  function forgetIdle(client: Client): void {
    if (client.leases === 0 && client.queue.size === 0) clients.delete(client.name);
  }

  function hasRoom(lease: HeldLease, bytes: number): boolean {
    if (over === lease) return true;
    const client = clients.get(lease.name);
    const ofClient = client?.bytes ?? 0;
    const hasShare =
      client?.over === lease ||
      ofClient + bytes <= shareBytes ||
      (client?.over === undefined &&
        (lease.bytes === 0
          ? ofClient <= shareBytes * LITTLE
          : mayGoOn(lease, ofClient, client?.waitingBytes ?? 0, shareBytes)));
    if (!hasShare) return false;
    if (held + bytes <= totalBytes) return true;
    if (over !== undefined) return false;
    return lease.bytes === 0 ? held <= totalBytes : mayGoOn(lease, held, waitingBytes, totalBytes);
  }

  /**
   * Whether an item that has begun may exceed a bound, which no lease does now: if only items that wait are over it, one of
   * them has to go on.
   */
  const mayGoOn = (lease: HeldLease, used: number, waiting: number, bound: number): boolean =>
    used - waiting - (lease.isWaiting ? 0 : lease.bytes) <= bound;

  function set(lease: HeldLease, bytes: number): void {
    const change = bytes - lease.bytes;
    if (change === 0) return;
    const client = clientOf(lease);
    if (lease.bytes === 0) client.leases++;
    if (bytes === 0) client.leases--;
    lease.bytes = bytes;
    lease.counts.bytes += change;
    client.bytes += change;
    held += change;
    if (lease.isWaiting) addWaiting(client, change);
    if (change > 0) {
      if (client.bytes > shareBytes) client.over ??= lease;
      if (held > totalBytes) over ??= lease;
      return;
    }
    if (client.bytes <= shareBytes || (client.over === lease && bytes === 0)) client.over = undefined;
    if (held <= totalBytes || (over === lease && bytes === 0)) over = undefined;
    forgetIdle(client);
    serveSoon();
  }

  function grow(lease: HeldLease, bytes: number): void {
    set(lease, lease.bytes + bytes);
  }

  function addWaiting(client: Client, bytes: number): void {
    client.waitingBytes += bytes;
    waitingBytes += bytes;
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
      const next = nextOf(client);
      if (next === undefined) blocked.push(client);
      else {
        settle(next, true);
        if (client.queue.size > 0) waitingClients.add(client);
      }
    }
    for (const client of blocked) if (client.queue.size > 0) waitingClients.add(client);
  }

  /** The first that there is room for. Items that have begun may go past one that has not, which may wait for their end. */
  function nextOf(client: Client): Waiting | undefined {
    let isFirst = true;
    for (const one of client.queue) {
      if ((isFirst || one.lease.bytes > 0) && hasRoom(one.lease, one.bytes)) return one;
      isFirst = false;
    }
    return undefined;
  }

  function leaveQueue(one: Waiting): void {
    clearTimeout(one.timer);
    if (one.timer !== undefined) timed--;
    const client = clientOf(one.lease);
    addWaiting(client, -one.lease.bytes);
    one.lease.isWaiting = false;
    client.queue.delete(one);
    if (client.queue.size === 0) waitingClients.delete(client);
  }

  function settle(one: Waiting, granted: boolean): void {
    leaveQueue(one);
    if (granted) grow(one.lease, one.bytes);
    else {
      one.lease.counts.rejections++;
      forgetIdle(clientOf(one.lease));
      // The one behind it may need less.
      serveSoon();
    }
    one.onGrant(granted);
  }

  return {
    heldBytes: () => held,
    set,
    isOver: ({ name }) => held > totalBytes || (clients.get(name)?.bytes ?? 0) > shareBytes,
    tryGrow(lease, bytes) {
      const queue = clients.get(lease.name)?.queue;
      // Leases of the same client that wait came first. An item that has begun may be what they wait for.
      const mayPass = queue === undefined || queue.size === 0 || lease.bytes > 0;
      if (!mayPass || !hasRoom(lease, bytes)) return false;
      grow(lease, bytes);
      return true;
    },
    wait(lease, bytes, onGrant, waitMs) {
      lease.counts.waits++;
      const client = clientOf(lease);
      const isBounded = Number.isFinite(waitMs);
      const isCrowded = timed >= MOST_WAITING || client.queue.size >= MOST_WAITING_OF_CLIENT;
      const longestMs = isCrowded ? 0 : waitMs;
      const timer = isBounded ? setTimeout(() => settle(waiting, false), longestMs) : undefined;
      const waiting: Waiting = { lease, bytes, onGrant, timer };
      if (isBounded) timed++;
      client.queue.add(waiting);
      lease.isWaiting = true;
      addWaiting(client, lease.bytes);
      waitingClients.add(client);
      serveSoon();
      return waiting;
    },
    cancel(one) {
      leaveQueue(one);
      forgetIdle(clientOf(one.lease));
      serveSoon();
    },
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
