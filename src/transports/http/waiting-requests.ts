/**
 * Pipelined requests that wait, limited over all connections. Node parses a whole read of 64 KB, which may be two thousand
 * requests, and each has objects of about 2 KB: a hundred connections could take hundreds of megabytes with one read each.
 * Over the limit, a connection is closed: of the address with the most waiting requests, the one with the most of them.
 */
import type { Socket } from "node:net";

/** Maximum number of waiting requests: about 40 MB. */
const MOST_WAITING = 20_000;

/** Connection of waiting requests. */
type Connection = Pick<Socket, "remoteAddress" | "destroy">;

/** Waiting requests of one connection, in order of arrival. */
interface Queue<Request> {
  /** Kept here, because a closed socket may have none. */
  readonly address: string;
  readonly requests: Request[];
}

/** Waiting requests of all connections. */
export class WaitingRequests<Request> {
  readonly #onClosed: () => void;
  readonly #most: number;
  readonly #queues = new Map<Connection, Queue<Request>>();
  /** Number of waiting requests by address. */
  readonly #ofAddress = new Map<string, number>();
  #count = 0;

  /** @param onClosed called for each connection that is closed over the limit */
  constructor(onClosed: () => void, most = MOST_WAITING) {
    this.#onClosed = onClosed;
    this.#most = most;
  }

  /** Number of waiting requests of a connection. */
  of(connection: Connection): number {
    return this.#queues.get(connection)?.requests.length ?? 0;
  }

  /** Adds a request. Over the limit, closes a connection, which may be this one. */
  add(connection: Connection, request: Request): void {
    const known = this.#queues.get(connection);
    const queue = known ?? { address: connection.remoteAddress ?? "", requests: [] };
    if (known === undefined) this.#queues.set(connection, queue);
    queue.requests.push(request);
    this.#counted(queue.address, 1);
    if (this.#count > this.#most) this.#closeLargest();
  }

  /** Removes and returns the oldest request of a connection. */
  take(connection: Connection): Request | undefined {
    const queue = this.#queues.get(connection);
    if (queue === undefined) return undefined;
    this.#counted(queue.address, -1);
    if (queue.requests.length === 1) this.#queues.delete(connection);
    return queue.requests.shift();
  }

  /** Drops the requests of a connection. */
  drop(connection: Connection): void {
    const queue = this.#queues.get(connection);
    if (queue === undefined) return;
    this.#queues.delete(connection);
    this.#counted(queue.address, -queue.requests.length);
  }

  #counted(address: string, more: number): void {
    this.#count += more;
    const now = (this.#ofAddress.get(address) ?? 0) + more;
    if (now > 0) this.#ofAddress.set(address, now);
    else this.#ofAddress.delete(address);
  }

  #closeLargest(): void {
    const most = Math.max(...this.#ofAddress.values());
    let largest: Connection | undefined;
    let size = 0;
    for (const [connection, { address, requests }] of this.#queues) {
      if (this.#ofAddress.get(address) !== most || requests.length <= size) continue;
      largest = connection;
      size = requests.length;
    }
    if (largest === undefined) return;
    this.drop(largest);
    largest.destroy();
    this.#onClosed();
  }
}
