/**
 * Playback: sends a range of history at its original pace times a rate, with pauses, steps and seeks. A third delivery mode
 * beside continuous and on demand. The entries of all streams are merged by id on one virtual clock (`player.ts`). A
 * playback can become live, and return to the past.
 */
import { GatewayError } from "../../domain/errors.ts";
import { compareIds, type EntryId, laterId, timeOfId } from "../../domain/streams/entry-id.ts";
import type { Delivery, DeliveryContext } from "../delivery.ts";
import type { StreamState } from "../stream-state.ts";
import { type RevocableContext, revocable } from "./live-context.ts";
import type { Playback, PlaybackOptions, PlaybackParts } from "./options.ts";
import { Player } from "./player.ts";
import { type PlaybackState, StateReports } from "./state-reports.ts";
import { guardedTimers } from "./timers.ts";

/** Delivery of a playback, which runs the commands of a client. */
export class PlaybackDelivery<Frame> implements Playback {
  readonly #context: DeliveryContext<Frame>;
  readonly #options: PlaybackOptions;
  readonly #parts: PlaybackParts<Frame>;
  readonly #reports: StateReports;
  readonly #player: Player<Frame>;
  #status: "playing" | "paused" | "ended" | "live" = "playing";
  #live: { readonly delivery: Delivery; readonly context: RevocableContext<Frame> } | undefined;
  #isClosed = false;

  constructor(context: DeliveryContext<Frame>, options: PlaybackOptions, parts: PlaybackParts<Frame>) {
    const { pageBytes, timers } = parts;
    const guarded = guardedTimers(timers, (error) => context.onError(error));
    this.#context = context;
    this.#options = options;
    this.#parts = parts;
    this.#reports = new StateReports(guarded, () => this.#state(), options.onState);
    this.#player = new Player(context, options, {
      ...{ timers, pageBytes, reports: this.#reports },
      onEnded: () => this.#onEnded(),
    });
  }

  get time(): number {
    return this.#state().time;
  }

  get isLive(): boolean {
    return this.#live !== undefined;
  }

  run(): void {
    if (this.#live !== undefined) this.#live.delivery.run();
    else this.#player.advance();
  }

  isEncoding(): boolean {
    if (this.#live === undefined) return this.#player.isEncoding;
    return this.#live.delivery.isEncoding?.() === true;
  }

  halt(): void {
    // The timer of the next entry continues: if it fires while the client cannot take the entry, the clock waits.
    this.#live?.delivery.halt();
  }

  add(state: StreamState): void {
    if (this.#live !== undefined) this.#live.delivery.add(state);
    else this.#player.add(state);
  }

  remove(state: StreamState): void {
    if (this.#live !== undefined) this.#live.delivery.remove(state);
    else this.#player.remove(state);
  }

  close(): void {
    this.#isClosed = true;
    this.#player.stop();
    this.#reports.close();
  }

  pause(): void {
    if (this.#isClosed || this.#status === "paused") return;
    this.#pause();
    this.#reports.changed();
  }

  play(rate?: number): void {
    if (this.#isClosed) return;
    if (rate !== undefined) this.#player.schedule.setRate(rate);
    const isStopped = this.#status === "paused" || this.#status === "ended";
    if (isStopped) this.#status = "playing";
    this.#reports.changed();
    if (isStopped) this.#player.play();
    // With another rate, the next entry is due at another time.
    else if (this.#live === undefined) this.#player.advance();
  }

  seek(id: EntryId): void {
    const { start, end } = this.#options;
    if (timeOfId(id) < timeOfId(start) || compareIds(id, end) > 0)
      throw new GatewayError("BAD_PAYLOAD", `seek must be between ${start} and ${end}, got ${id}`);
    if (this.#isClosed) return;
    this.#leaveLive();
    this.#player.moveTo(laterId(id, start));
    if (this.#status !== "paused") this.#status = "playing";
    this.#reports.changed();
    if (this.#status === "playing") this.#player.play();
  }

  step(steps: number): void {
    if (this.#isClosed) return;
    if (this.#status !== "paused") {
      this.#pause();
      this.#reports.changed();
    }
    this.#player.step(steps);
  }

  live(): void {
    if (this.#isClosed || this.#live !== undefined) return;
    this.#player.stop();
    this.#status = "live";
    this.#reports.changed();
    const context = revocable(this.#context);
    for (const state of this.#context.states) state.isAtEnd = false;
    const delivery = this.#parts.createLive(context);
    this.#live = { context, delivery };
    if (!this.#context.isHalted()) delivery.run();
  }

  #state(): PlaybackState {
    const { schedule, seeks } = this.#player;
    const time = this.#status === "live" ? this.#parts.timers.timeOfDay() : schedule.time;
    return { status: this.#status, time: Math.round(time), rate: schedule.rate, seek: seeks };
  }

  /** Stops the clock, also if the playback was live. */
  #pause(): void {
    this.#leaveLive();
    this.#player.stop();
    this.#status = "paused";
  }

  /** Ends the live delivery. Its cursors are where the playback continues. */
  #leaveLive(): void {
    const live = this.#live;
    if (live === undefined) return;
    live.context.revoke();
    live.delivery.halt();
    this.#live = undefined;
    this.#status = "playing";
    this.#player.resume();
  }

  #onEnded(): void {
    this.#status = "ended";
    this.#reports.changed();
  }
}
