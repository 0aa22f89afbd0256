/** Subscriptions of a viewer by id and by channel. A channel has at most one. */
import type { RequestedSubscription } from "../../../wire/foxglove/client-messages.ts";
import type { LiveChannel } from "../../../wire/foxglove/live-channel.ts";
import type { Advertisements } from "../channels/advertisements.ts";

/** A subscription. */
export interface Subscribed {
  readonly id: number;
  readonly channel: LiveChannel;
}

/** Result of a request: the subscriptions that were added or removed, and the first problem, if there is one. */
export interface Changed<S> {
  readonly changed: readonly S[];
  readonly problem: string | undefined;
}

/** Ended subscriptions that are remembered. */
const MOST_ENDED = 10_000;

/** Keeps the subscriptions of a viewer. */
export class SubscribedChannels<S extends Subscribed> {
  readonly #advertisements: Advertisements;
  readonly #create: (subscribed: Subscribed) => S;
  readonly #byId = new Map<number, S>();
  readonly #byKey = new Map<string, S>();
  /** Ids of subscriptions that the gateway ended, oldest first. Lichtblick unsubscribes from them, too. */
  readonly #ended = new Set<number>();

  constructor(advertisements: Advertisements, create: (subscribed: Subscribed) => S) {
    this.#advertisements = advertisements;
    this.#create = create;
  }

  get size(): number {
    return this.#byId.size;
  }

  all(): readonly S[] {
    return [...this.#byId.values()];
  }

  /** Returns the subscription to the channel of a stream. */
  ofKey(key: string): S | undefined {
    return this.#byKey.get(key);
  }

  /** Adds what a client requests. */
  add(requested: readonly RequestedSubscription[]): Changed<S> {
    const changed: S[] = [];
    let problem: string | undefined;
    for (const { id, channelId } of requested) {
      const channel = this.#advertisements.withId(channelId)?.channel;
      if (channel === undefined) problem ??= `channel ${channelId} is not advertised`;
      else if (this.#byId.has(id)) problem ??= `subscription ${id} exists already`;
      else if (this.#byKey.has(channel.key)) problem ??= `${channel.topic} is subscribed to already`;
      else {
        const subscribed = this.#create({ id, channel });
        this.#ended.delete(id);
        this.#byId.set(id, subscribed);
        this.#byKey.set(channel.key, subscribed);
        changed.push(subscribed);
      }
    }
    return { changed, problem };
  }

  /** Removes a subscription that the client has ended. */
  remove(ids: readonly number[]): Changed<S> {
    const changed: S[] = [];
    let problem: string | undefined;
    for (const id of ids) {
      const subscribed = this.#byId.get(id);
      if (subscribed !== undefined) {
        this.#delete(subscribed);
        changed.push(subscribed);
      } else if (!this.#ended.delete(id)) problem ??= `there is no subscription ${id}`;
    }
    return { changed, problem };
  }

  /** Removes a subscription that the gateway ends. */
  end(subscribed: S): void {
    this.#delete(subscribed);
    this.#ended.add(subscribed.id);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= MOST_ENDED) break;
      this.#ended.delete(oldest);
    }
  }

  #delete({ id, channel }: S): void {
    this.#byId.delete(id);
    this.#byKey.delete(channel.key);
  }
}
