/** Consumers of a queue, which are served in turn. */
import type { EntrySizes } from "../read/entry-sizes.ts";
import type { MemberQueue, QueueMember } from "./queue-member.ts";

/** Maximum number of bytes of one read, by the expected size of entries. */
const READ_BYTES = 1024 * 1024;
/** Maximum number of entries of one read. */
const MAX_AT_ONCE = 1000;

/** Permission to read entries for a consumer. */
export interface Reservation {
  readonly member: QueueMember;
  readonly count: number;
  /** Ends it. */
  end(): void;
}

/** The consumers, in the order in which they joined. */
export class QueueMembers {
  readonly #queue: MemberQueue;
  readonly #sizes: EntrySizes;
  readonly #members: QueueMember[] = [];
  /** Position of the one that is served next. */
  #next = 0;

  constructor(queue: MemberQueue, sizes: EntrySizes) {
    this.#queue = queue;
    this.#sizes = sizes;
  }

  get size(): number {
    return this.#members.length;
  }

  /** Returns a copy, because consumers may join and leave while they are called. */
  all(): readonly QueueMember[] {
    return [...this.#members];
  }

  has(member: QueueMember): boolean {
    return this.#members.includes(member);
  }

  add(member: QueueMember): void {
    this.#members.push(member);
  }

  remove(member: QueueMember): void {
    const at = this.#members.indexOf(member);
    if (at >= 0) this.#members.splice(at, 1);
  }

  /** Returns the shortest `ack_wait`. */
  shortestWaitMs(): number {
    return Math.min(...this.#members.map(({ ackWaitMs }) => ackWaitMs));
  }

  /**
   * Reserves room for entries with the next consumer that has some.
   *
   * @param isBusy consumers that are passed over
   * @param max maximum number of entries
   */
  reserve(isBusy: (member: QueueMember) => boolean, max = MAX_AT_ONCE): Reservation | undefined {
    const size = this.#members.length;
    for (let i = 0; i < size; i++) {
      const at = (this.#next + i) % size;
      const member = this.#members[at];
      if (member === undefined || isBusy(member)) continue;
      const reserved = this.#reserveWith(member, max);
      if (reserved === undefined) continue;
      this.#next = (at + 1) % size;
      return reserved;
    }
    return undefined;
  }

  #reserveWith(member: QueueMember, max: number): Reservation | undefined {
    const room = member.roomFor(this.#queue);
    if (room <= 0) return undefined;
    const entryBytes = this.#sizes.expected(this.#queue.key);
    const fitting = Math.floor(READ_BYTES / entryBytes);
    const count = Math.max(1, Math.min(room, fitting, max));
    const bytes = count * entryBytes;
    if (!member.reserve(count, bytes)) return undefined;
    return { member, count, end: () => member.unreserve(count, bytes) };
  }
}
