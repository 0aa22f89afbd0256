/**
 * Redelivery: scans of a queue for entries that were returned, or held for too long. Scans are `ack_wait / 4` apart, and one
 * follows the delay of a `nack`. A group without pending entries is not scanned, so that it costs nothing.
 */

import type { Reclaim } from "./commands/group-commands.ts";
import { MAX_MOVED } from "./commands/scripts.ts";
import type { QueueMember } from "./queue-member.ts";
import type { QueueMembers, Reservation } from "./queue-members.ts";

/** The queue that is scanned. */
export interface ScannedQueue {
  readonly members: QueueMembers;
  /** Whether nothing can have been delivered since a scan began: neither here nor by another program. */
  isQuiet(): boolean;
  /** Whether scans have to wait. `resume` is called afterwards. */
  isPaused(): boolean;
  reclaim(member: QueueMember, count: number): Promise<Reclaim>;
  /** Delivers entries that a scan has claimed. */
  claimed(member: QueueMember, found: Reclaim): void;
  failed(error: Error): void;
  /** Called when a scan has ended, and its permits are free. */
  ended(): void;
}

/** Scans per `ack_wait`. */
const SCANS_PER_WAIT = 4;
/** Delay (ms) of a scan that is due while another one runs. */
const SHORT_MS = 5;

/** Plans and runs scans. */
export class RedeliveryScans {
  readonly #queue: ScannedQueue;
  readonly #timers = new Set<NodeJS.Timeout>();
  #mayHavePending = true;
  #isScanning = false;
  /** A scan waits for a consumer with room, or for the end of a pause. */
  #isDue = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(queue: ScannedQueue) {
    this.#queue = queue;
  }

  /** Call when entries may be pending. */
  expect(): void {
    this.#mayHavePending = true;
    this.#plan();
  }

  /** Scans now, if a consumer has room. */
  run(): void {
    this.#mayHavePending = true;
    this.#scan();
  }

  /** Call when a consumer has room again, or a pause has ended. */
  resume(): void {
    if (this.#isDue) this.#scan();
  }

  /** Scans after a delay, once for returned entries. */
  runIn(delayMs: number): void {
    this.#mayHavePending = true;
    if (this.#queue.members.size === 0) return;
    this.#plan();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#isScanning) this.runIn(SHORT_MS);
      else this.#scan();
      // Redis measures idle times in whole ms.
    }, delayMs + 1);
    this.#timers.add(timer);
  }

  /** Cancels the planned scans. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #scan(): void {
    const { members } = this.#queue;
    if (this.#isScanning || members.size === 0) return;
    this.#isDue = this.#queue.isPaused();
    if (this.#isDue) return;
    const reserved = members.reserve(() => false, MAX_MOVED);
    this.#isDue = reserved === undefined;
    if (reserved !== undefined) void this.#scanFor(reserved);
  }

  async #scanFor({ member, count, end }: Reservation): Promise<void> {
    const queue = this.#queue;
    this.#isScanning = true;
    this.#mayHavePending = !queue.isQuiet();
    let isMore = false;
    try {
      const found = await queue.reclaim(member, count);
      end();
      this.#mayHavePending ||= found.pending > 0;
      isMore = found.taken.length === count;
      queue.claimed(member, found);
    } catch (error) {
      end();
      this.#mayHavePending = true;
      queue.failed(error as Error);
    }
    this.#isScanning = false;
    if (isMore) this.#scan();
    else this.#plan();
    queue.ended();
  }

  /** Plans the next scan, unless the group has no pending entries. */
  #plan(): void {
    const { members } = this.#queue;
    if (this.#timer !== undefined || !this.#mayHavePending || members.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // Without room, the scan runs when there is some.
      this.#scan();
    }, members.shortestWaitMs() / SCANS_PER_WAIT);
  }
}
