/**
 * Subscriptions that pause together, and resume in turns: those that waited longest are first. A few of them catch up at a
 * time, because most would read pages from Redis that are discarded when the first ones fill the sink again.
 */
import type { PauseReason, Subscription } from "../../../live/subscription.ts";

/** A subscription that takes part. */
export type Member = Pick<Subscription, "pause" | "resume" | "isPaused">;

/** Members that catch up at a time. */
const MAX_CATCHING_UP = 8;
/** Time (ms) after which others resume, although those before them have not caught up: their Redis node may be unavailable. */
const TURN_MS = 50;

/** A group of subscriptions with a common reason to pause. */
export class Rotation {
  readonly #reason: PauseReason;
  readonly #turnMs: number;
  /** Members that run, and those that wait for their turn, each in the order of their turns. */
  readonly #running = new Set<Member>();
  readonly #held = new Set<Member>();
  /** Members that resumed, and have not caught up. */
  readonly #catchingUp = new Set<Member>();
  #isPaused = false;
  #isResuming = false;
  #turn: NodeJS.Timeout | undefined;

  constructor(reason: PauseReason, turnMs = TURN_MS) {
    this.#reason = reason;
    this.#turnMs = turnMs;
  }

  add(member: Member): void {
    if (this.#isPaused) this.#hold(member);
    else this.#running.add(member);
  }

  remove(member: Member): void {
    this.#running.delete(member);
    this.#held.delete(member);
    this.caughtUp(member);
  }

  /** Pauses all members. */
  pause(): void {
    this.#isPaused = true;
    this.#endTurn();
    for (const member of this.#running) this.#hold(member);
    this.#running.clear();
  }

  /** Resumes the members in turn, until one of them pauses all again. */
  resume(): void {
    this.#isPaused = false;
    this.#resumeSome();
  }

  /** Call when a member has sent all existing entries. */
  caughtUp(member: Member): void {
    if (this.#catchingUp.delete(member) && !this.#isResuming) this.#resumeSome();
  }

  #hold(member: Member): void {
    member.pause(this.#reason);
    this.#held.add(member);
  }

  #resumeSome(): void {
    this.#isResuming = true;
    for (const member of this.#held) {
      if (this.#isPaused || this.#catchingUp.size >= MAX_CATCHING_UP) break;
      this.#held.delete(member);
      this.#running.add(member);
      this.#catchingUp.add(member);
      // May catch up at once, from memory, or pause all.
      member.resume(this.#reason);
      // One that has another reason to pause does nothing yet.
      if (member.isPaused()) this.#catchingUp.delete(member);
    }
    this.#isResuming = false;
    if (this.#held.size === 0 || this.#isPaused) this.#endTurn();
    else this.#turn ??= setTimeout(() => this.#nextTurn(), this.#turnMs);
  }

  #nextTurn(): void {
    this.#endTurn();
    this.#resumeSome();
  }

  #endTurn(): void {
    clearTimeout(this.#turn);
    this.#turn = undefined;
    this.#catchingUp.clear();
  }
}
