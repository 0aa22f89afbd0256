/**
 * Pipelined requests that wait, and bytes that are parsed after them, limited over all connections. A request has objects of
 * about 2 KB, and the bytes are up to one read of 64 KB: thousands of connections could take hundreds of megabytes. Over the
 * limit, a connection is closed: of the address with the most waiting requests, the one with the most of them. Bytes count as
 * the requests whose objects would take as much memory.
 */
import type { Socket } from "node:net";

/** Maximum number of waiting requests: about 40 MB. */
const MAX_WAITING = 20_000;
const REQUEST_BYTES = 2048;

/** Connection of waiting requests. */
type Connection = Pick<Socket, "remoteAddress" | "destroy">;

/** Waiting requests of one connection, in order of arrival. */
interface Queue<Request> {
  /** Kept here, because a closed socket may have none. */
  readonly address: string;
  readonly requests: Request[];
  /** Number of requests that the unparsed bytes count as. */
  held: number;
}

const sizeOf = ({ requests, held }: Queue<unknown>): number => requests.length + held;

/** Waiting requests of all connections. */
export class WaitingRequests<Request> {
  readonly #onClosed: () => void;
  readonly #max: number;
  readonly #queues = new Map<Connection, Queue<Request>>();
  /** Number of waiting requests by address. */
  readonly #ofAddress = new Map<string, number>();
  #count = 0;

  /** @param onClosed called for each connection that is closed over the limit */
  constructor(onClosed: () => void, max = MAX_WAITING) {
    this.#onClosed = onClosed;
    this.#max = max;
  }

  /** Number of waiting requests of a connection. */
  of(connection: Connection): number {
    return this.#queues.get(connection)?.requests.length ?? 0;
  }

  /** Returns the waiting requests of a connection, the oldest first. */
  list(connection: Connection): readonly Request[] {
    return this.#queues.get(connection)?.requests ?? [];
  }

  /** Adds a request. Over the limit, closes a connection, which may be this one. */
  add(connection: Connection, request: Request): void {
    const queue = this.#queueOf(connection);
    queue.requests.push(request);
    this.#counted(queue.address, 1);
    if (this.#count > this.#max) this.#closeLargest();
  }

  /** Counts unparsed bytes of a connection until `release`. Over the limit, closes a connection, which may be this one. */
  hold(connection: Connection, bytes: number): void {
    const queue = this.#queueOf(connection);
    const requests = Math.ceil(bytes / REQUEST_BYTES);
    queue.held += requests;
    this.#counted(queue.address, requests);
    if (this.#count > this.#max) this.#closeLargest();
  }

  /** Counts the unparsed bytes of a connection no longer. */
  release(connection: Connection): void {
    const queue = this.#queues.get(connection);
    if (queue === undefined) return;
    this.#counted(queue.address, -queue.held);
    queue.held = 0;
    this.#forgetEmpty(connection, queue);
  }

  /** Removes and returns the oldest request of a connection. */
  take(connection: Connection): Request | undefined {
    const queue = this.#queues.get(connection);
    const request = queue?.requests.shift();
    if (queue === undefined || request === undefined) return undefined;
    this.#counted(queue.address, -1);
    this.#forgetEmpty(connection, queue);
    return request;
  }

  /** Drops the requests of a connection. */
  drop(connection: Connection): void {
    const queue = this.#queues.get(connection);
    if (queue === undefined) return;
    this.#queues.delete(connection);
    this.#counted(queue.address, -sizeOf(queue));
  }

  #queueOf(connection: Connection): Queue<Request> {
    const known = this.#queues.get(connection);
    if (known !== undefined) return known;
    const made = { address: connection.remoteAddress ?? "", requests: [], held: 0 };
    this.#queues.set(connection, made);
    return made;
  }

  #forgetEmpty(connection: Connection, queue: Queue<Request>): void {
    if (sizeOf(queue) === 0) this.#queues.delete(connection);
  }

  #counted(address: string, more: number): void {
    this.#count += more;
    const now = (this.#ofAddress.get(address) ?? 0) + more;
    if (now > 0) this.#ofAddress.set(address, now);
    else this.#ofAddress.delete(address);
  }

  #closeLargest(): void {
    const max = Math.max(...this.#ofAddress.values());
    let largest: Connection | undefined;
    let size = 0;
    for (const [connection, queue] of this.#queues) {
      if (this.#ofAddress.get(queue.address) !== max || sizeOf(queue) <= size) continue;
      largest = connection;
      size = sizeOf(queue);
    }
    if (largest === undefined) return;
    this.drop(largest);
    largest.destroy();
    this.#onClosed();
  }
}
