/**
 * Work queue: one stream and group, with the consumers of this gateway. It reads for consumers that have room, in turn, when
 * the stream grows, and claims entries that other consumers left. An idle queue sends no command: growth is reported by
 * tracking, and a group without pending entries is not scanned.
 */
import type { Entry } from "../../domain/streams/entry.ts";
import { type EntryId, FIRST_ID } from "../../domain/streams/entry-id.ts";
import type { Counters } from "../../observe/counters.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import { gatewayErrorOf } from "../reply-errors.ts";
import { markOf } from "../tail/stream-facts.ts";
import { isNoGroup } from "./commands/connections.ts";
import type { Delivered, GroupCommands, GroupPosition, Reclaim } from "./commands/group-commands.ts";
import type { MemberQueue, QueueMember } from "./queue-member.ts";
import { QueueMembers, type Reservation } from "./queue-members.ts";
import { RedeliveryScans } from "./redelivery.ts";

/** Counters of queues and of their consumers. */
export type QueueCounters = Pick<
  Counters,
  "workDelivered" | "workRedelivered" | "workDead" | "internalErrors"
>;

/** Dependencies of a queue. */
export interface QueueParts {
  readonly sizes: EntrySizes;
  readonly counters: QueueCounters;
  /** An entry cannot be moved to its dead-letter stream. */
  readonly onProblem: (problem: string) => void;
  /** Entries that other consumers left cannot be claimed. */
  readonly onScanFailed: (problem: string) => void;
}

/** Time (ms) after which a read that Redis rejected for now is repeated. */
const RETRY_MS = 500;

/** The queue of a stream and group. */
export class WorkQueue implements MemberQueue {
  readonly commands: GroupCommands;
  readonly scans: RedeliveryScans;
  readonly #parts: QueueParts;
  readonly #members: QueueMembers;
  /** Consumers with a read in flight. */
  readonly #reading = new Set<QueueMember>();
  /** Position at which the group continues if it is deleted. */
  #position: GroupPosition | undefined;
  /** The stream reports its next growth. */
  #isArmed = false;
  /** The last read returned all that there was. */
  #isDrained = false;
  /** The last read returned as many entries as it requested: all consumers are read for at once. */
  #isFlowing = false;
  #isRecreating = false;
  /** Reads at the end of this event-loop turn. */
  #isScheduled = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(commands: GroupCommands, parts: QueueParts) {
    this.commands = commands;
    this.#parts = parts;
    this.#members = new QueueMembers(this, parts.sizes);
    this.scans = new RedeliveryScans({
      members: this.#members,
      isQuiet: () => this.#isDrained && this.#isArmed && this.#reading.size === 0,
      isPaused: () => this.#isPaused,
      reclaim: (member, count) => this.#reclaim(member, count),
      claimed: (member, found) => this.#claimed(member, found),
      failed: (error) => {
        if (isNoGroup(error)) void this.#recreate();
        else if (gatewayErrorOf(error).kind.retryable) this.#retryLater();
        else parts.onScanFailed(error.message);
      },
      ended: () => this.#pump(),
    });
  }

  get key(): string {
    return this.commands.key;
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  get isDrained(): boolean {
    return this.#isDrained;
  }

  /** @param after the id after which the group begins if this consumer created it */
  add(member: QueueMember, after: EntryId): void {
    this.#position ??= { id: after, mark: undefined };
    this.#members.add(member);
    this.#pump();
    this.scans.run();
  }

  remove(member: QueueMember): void {
    this.#members.remove(member);
    if (this.isEmpty) this.close();
  }

  /** Call when the stream may have grown, or Redis is available again. */
  grown(): void {
    this.#endRetry();
    this.#isArmed = false;
    this.#isDrained = false;
    this.#continue();
    this.scans.expect();
  }

  /**
   * Call when a consumer has room again. Reads at the end of this event-loop turn: for all messages of consumers that arrived in it, and in
   * one write with their acknowledgements.
   */
  resume(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.commands.atTurnEnd(() => {
      this.#isScheduled = false;
      this.#continue();
    });
  }

  close(): void {
    this.#endRetry();
    this.scans.close();
  }

  /**
   * Whether reads and scans have to wait. Without this, the end of a read that failed would make room for the next one, which
   * fails as soon.
   */
  get #isPaused(): boolean {
    return this.#isRecreating || this.#retry !== undefined;
  }

  #continue(): void {
    this.#pump();
    this.scans.resume();
  }

  /** Reads for consumers with room. */
  #pump(): void {
    while (
      !this.#isDrained &&
      !this.#isPaused &&
      this.#reading.size < (this.#isFlowing ? this.#members.size : Math.min(1, this.#members.size))
    ) {
      const reserved = this.#members.reserve((member) => this.#reading.has(member));
      if (reserved === undefined) return;
      this.#read(reserved);
    }
  }

  #read({ member, count, end }: Reservation): void {
    this.#reading.add(member);
    if (!this.#isArmed) {
      this.#isArmed = true;
      this.commands.arm();
    }
    this.commands.read(member.name, count, (error, entries) => {
      this.#reading.delete(member);
      end();
      if (error === undefined) this.#received(member, count, entries);
      else this.#onError(error);
    });
  }

  #received(member: QueueMember, count: number, entries: readonly Entry[]): void {
    this.#isFlowing = entries.length >= count;
    // Growth after this read has disarmed the stream.
    this.#isDrained = !this.#isFlowing && this.#isArmed;
    // A consumer that has ended meanwhile was created again by the read.
    if (entries.length === 0 && !this.#members.has(member)) member.deliver(this, []);
    const last = entries.at(-1);
    if (last !== undefined) {
      this.#position = { id: last.id, mark: markOf(last) ?? "" };
      this.#parts.sizes.learn(this.key, entries);
      this.scans.expect();
      this.#deliver(
        member,
        entries.map((entry) => ({ entry, n: 1 })),
      );
    }
    if (this.#isDrained) for (const one of this.#members.all()) one.drained(this);
    else this.#pump();
    this.scans.resume();
  }

  #onError(error: Error): void {
    this.#isArmed = false;
    if (isNoGroup(error)) {
      void this.#recreate();
      return;
    }
    const failure = gatewayErrorOf(error);
    // After a lost connection, `grown` is called when Redis is available again. A server that is not ready is read again.
    if (failure.kind.retryable) this.#retryLater();
    else for (const one of this.#members.all()) one.fail(failure);
  }

  #deliver(member: QueueMember, entries: readonly Delivered[]): void {
    this.#parts.counters.workDelivered += entries.length;
    member.deliver(this, entries);
  }

  #retryLater(): void {
    if (this.isEmpty) return;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#continue();
    }, RETRY_MS);
  }

  #endRetry(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  async #recreate(): Promise<void> {
    // A group that was deleted after its last consumer left remains deleted.
    if (this.#isRecreating || this.isEmpty) return;
    this.#isRecreating = true;
    try {
      await this.commands.recreate(this.#position ?? { id: FIRST_ID, mark: undefined });
      this.#isRecreating = false;
      if (!this.isEmpty) this.grown();
    } catch (error) {
      this.#isRecreating = false;
      this.#onError(error as Error);
    }
  }

  #reclaim(member: QueueMember, count: number): Promise<Reclaim> {
    const { name, ackWaitMs: idleMs, maxDeliver } = member;
    const deadLetters = member.deadLettersOf(this);
    return this.commands.reclaim(name, { idleMs, count, maxDeliver, deadLetters });
  }

  #claimed(member: QueueMember, { taken, lost, dead, problem }: Reclaim): void {
    const { counters, sizes, onProblem } = this.#parts;
    counters.workRedelivered += taken.length;
    counters.workDead += dead;
    sizes.learn(
      this.key,
      taken.map(({ entry }) => entry),
    );
    if (problem !== "") onProblem(problem);
    for (const { entry, owner } of taken)
      for (const one of this.#members.all())
        if (one.name === owner && one !== member) one.forget(this, entry.id);
    if (lost.length > 0) member.lost(this, lost);
    if (taken.length > 0) this.#deliver(member, taken);
  }
}
