/** Subscriptions that pause together and resume one after the other, each time beginning with the one whose turn is next. */
import type { PauseReason, Subscription } from "../../live/subscription.ts";

/** A subscription that takes part. */
export type Member = Pick<Subscription, "pause" | "resume">;

/** A group of subscriptions with a common reason to pause. */
export class Rotation {
  readonly #reason: PauseReason;
  readonly #members: Member[] = [];
  /** Index of the member that resumes first. */
  #next = 0;
  #isPaused = false;

  constructor(reason: PauseReason) {
    this.#reason = reason;
  }

  add(member: Member): void {
    this.#members.push(member);
    if (this.#isPaused) member.pause(this.#reason);
  }

  remove(member: Member): void {
    const at = this.#members.indexOf(member);
    if (at < 0) return;
    this.#members.splice(at, 1);
    if (at < this.#next) this.#next--;
  }

  /** Pauses all members. */
  pause(): void {
    this.#isPaused = true;
    for (const member of this.#members) member.pause(this.#reason);
  }

  /** Resumes the members in turn, until one of them pauses all again. */
  resume(): void {
    this.#isPaused = false;
    for (let left = this.#members.length; left > 0 && !this.#isPaused; left--) {
      const member = this.#members[this.#next] ?? this.#members[0];
      this.#next = member === this.#members[this.#next] ? this.#next + 1 : 1;
      member?.resume(this.#reason);
    }
  }
}
