/**
 * Topology of a cluster: the slot map, kept up to date. It is read from any node that replies, once a second, so that a
 * change is detected even without a redirection, and immediately after a redirection.
 */
import type { Logger } from "../../domain/logger.ts";
import type { ClusterEndpoint } from "../address/cluster-url.ts";
import { describeAddress, type RedisAddress } from "../address/redis-url.ts";
import { Connection } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import { type ClusterNode, SlotMap } from "./slot-map.ts";

/** Interval (ms) of regular requests. */
const POLL_MS = 1000;
/** Time (ms) without a reply after which another node is queried. */
const REPLY_TIMEOUT_MS = 1000;
/** Minimum time (ms) between two requests. */
const MIN_INTERVAL_MS = 50;
/** Consecutive failures before a warning is logged. */
const FAILURES_LOGGED = 4;

/** A request for the slot map. */
interface Request {
  readonly fail: (reason: string) => void;
}

/** Polls the slot map. It is empty until the first node replies. */
export class Topology {
  readonly #slots: SlotMap;
  readonly #seeds: readonly RedisAddress[];
  readonly #logger: Logger;
  readonly #listeners = new Set<() => void>();
  /** The node that is queried. */
  #source: { readonly address: RedisAddress; readonly connection: Connection } | undefined;
  #inFlight: Request | undefined;
  /** Another request is to follow the one in flight at once. */
  #isRequestedAgain = false;
  /** Consecutive failures. */
  #failures = 0;
  /** Timer of the next request. */
  #next: NodeJS.Timeout | undefined;
  /** Time limit of the request in flight. */
  #timeout: NodeJS.Timeout | undefined;
  /** Time of the last request, on the clock of `performance.now()`. */
  #requestedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor({ seeds }: ClusterEndpoint, logger: Logger) {
    const [{ tls, username, password } = {}] = seeds;
    this.#slots = new SlotMap({
      ...(tls && { tls }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
    });
    this.#seeds = seeds;
    this.#logger = logger;
    this.#request();
  }

  /** Master of a slot; undefined if unknown. */
  ownerOf(slot: number): ClusterNode | undefined {
    return this.#slots.ownerOf(slot);
  }

  /** Nodes that own slots. */
  masters(): readonly ClusterNode[] {
    return this.#slots.masters();
  }

  /** Replicas of a slot's master. */
  replicasOf(slot: number): readonly ClusterNode[] {
    return this.#slots.replicasOf(slot);
  }

  /** All replicas. */
  replicas(): readonly ClusterNode[] {
    return this.#slots.replicas();
  }

  /** Node of a redirection's address. @param redirectedBy its host applies if the address has none */
  nodeAt(text: string, redirectedBy: ClusterNode): ClusterNode | undefined {
    return this.#slots.nodeAt(text, redirectedBy);
  }

  /** Call when a node redirected a slot to another one. */
  moved(slot: number, to: ClusterNode): void {
    if (!this.#slots.move(slot, to)) return;
    for (const listener of this.#listeners) listener();
    this.refresh();
  }

  /** Requests the slot map now, or when the minimum interval has passed. */
  refresh(): void {
    if (this.#isClosed) return;
    this.#isRequestedAgain = this.#inFlight !== undefined;
    if (this.#inFlight === undefined)
      this.#requestIn(Math.max(0, this.#requestedAt + MIN_INTERVAL_MS - performance.now()));
  }

  /** Calls back after each update. @returns a function that unsubscribes */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#inFlight = undefined;
    clearTimeout(this.#next);
    clearTimeout(this.#timeout);
    this.#source?.connection.close();
  }

  #requestIn(ms: number): void {
    clearTimeout(this.#next);
    if (this.#isClosed) return;
    this.#next = setTimeout(() => this.#request(), ms);
  }

  #request(): void {
    const address = this.#source?.address ?? this.#candidate();
    if (address === undefined) return;
    this.#source ??= { address, connection: this.#connect(address) };
    this.#requestedAt = performance.now();
    const settle = (error: Error | undefined, reply: Reply): void => {
      if (this.#inFlight === request) this.#onReply(address, error, reply);
    };
    const request: Request = { fail: (reason) => settle(new Error(reason), null) };
    this.#inFlight = request;
    this.#timeout = setTimeout(request.fail, REPLY_TIMEOUT_MS, `no reply within ${REPLY_TIMEOUT_MS} ms`);
    this.#source.connection.send(["CLUSTER", "SLOTS"], settle);
  }

  /** Address to query next; each failure advances it by one. */
  #candidate(): RedisAddress | undefined {
    const known = [...this.masters(), ...this.replicas()].map(({ address }) => address);
    const candidates = [...known, ...this.#seeds];
    return candidates[this.#failures % candidates.length];
  }

  #onReply(address: RedisAddress, error: Error | undefined, reply: Reply): void {
    this.#inFlight = undefined;
    clearTimeout(this.#timeout);
    const problem = error?.message ?? this.#slots.adopt(reply, address);
    if (problem === undefined) this.#onUpdate(address);
    else this.#onFailure(address, problem, error instanceof ReplyError);
    // A listener may have requested another refresh.
    this.#requestIn(problem !== undefined || this.#isRequestedAgain ? MIN_INTERVAL_MS : POLL_MS);
    this.#isRequestedAgain = false;
  }

  #onUpdate(address: RedisAddress): void {
    if (this.#failures >= FAILURES_LOGGED)
      this.#logger.info({ node: describeAddress(address) }, "the cluster's slot map is available again");
    this.#failures = 0;
    for (const listener of this.#listeners) listener();
  }

  #onFailure(address: RedisAddress, reason: string, isRejected: boolean): void {
    this.#source?.connection.close();
    this.#source = undefined;
    this.#failures++;
    const fields = { node: describeAddress(address), reason };
    const isNews = this.#failures === FAILURES_LOGGED || (isRejected && this.#failures === 1);
    if (isNews) this.#logger.warn(fields, "a node does not return the cluster's slot map");
    else this.#logger.debug(fields, "a node does not return the cluster's slot map");
  }

  /** Connects to a node. This class logs failures once for all nodes, and leaves an unreachable node. */
  #connect(address: RedisAddress): Connection {
    const onLog = (fields: object): void => {
      if (!("reason" in fields)) return;
      const reason = String(fields.reason);
      // Asynchronous, because the connection's call has not returned yet.
      queueMicrotask(() => this.#leaveNode(reason));
    };
    const logger: Logger = { debug: onLog, info: onLog, warn: onLog, error: onLog };
    return new Connection({ address, logger, name: "map", waitMs: REPLY_TIMEOUT_MS });
  }

  #leaveNode(reason: string): void {
    if (this.#source === undefined || this.#isClosed || this.#source.connection.isReady()) return;
    if (this.#inFlight !== undefined) {
      this.#inFlight.fail(reason);
      return;
    }
    this.#source.connection.close();
    this.#source = undefined;
    this.refresh();
  }
}
