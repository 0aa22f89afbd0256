/** Subscriptions of a viewer by id and by channel. A channel has at most one. */
import { BoundedMap } from "../../../domain/bounded-map.ts";
import type { RequestedSubscription } from "../../../wire/foxglove/client-messages.ts";
import type { LiveChannel } from "../../../wire/foxglove/live-channel.ts";
import type { Advertisements } from "../channels/advertisements.ts";

/** Subscription of a viewer to a channel. */
export interface Subscribed {
  readonly id: number;
  readonly channel: LiveChannel;
}

/** Reactions of the readers. */
export interface SubscribedChannelsHooks<S> {
  /** Creates a subscription that the client requests. */
  readonly create: (subscribed: Subscribed) => S;
  /** A subscription has been removed. */
  readonly onRemoved: (subscribed: S) => void;
}

/** Ended subscriptions that are remembered. */
const MAX_ENDED = 10_000;

/** Keeps the subscriptions of a viewer. */
export class SubscribedChannels<S extends Subscribed> {
  readonly #advertisements: Advertisements;
  readonly #hooks: SubscribedChannelsHooks<S>;
  readonly #byId = new Map<number, S>();
  readonly #byKey = new Map<string, S>();
  /** Ids of subscriptions that the gateway ended. Lichtblick unsubscribes from them, too. */
  readonly #ended = new BoundedMap<true>(MAX_ENDED);

  constructor(advertisements: Advertisements, hooks: SubscribedChannelsHooks<S>) {
    this.#advertisements = advertisements;
    this.#hooks = hooks;
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

  /** Adds the subscriptions that a client requests. @returns them, and the first problem, if there is one */
  add(requested: readonly RequestedSubscription[]): {
    readonly added: readonly S[];
    readonly problem: string | undefined;
  } {
    const added: S[] = [];
    let problem: string | undefined;
    for (const { id, channelId } of requested) {
      const channel = this.#advertisements.withId(channelId)?.channel;
      if (channel === undefined) problem ??= `channel ${channelId} is not advertised`;
      else if (this.#byId.has(id)) problem ??= `subscription ${id} already exists`;
      else if (this.#byKey.has(channel.key)) problem ??= `${channel.topic} is already subscribed to`;
      else {
        const subscribed = this.#hooks.create({ id, channel });
        this.#ended.delete(String(id));
        this.#byId.set(id, subscribed);
        this.#byKey.set(channel.key, subscribed);
        added.push(subscribed);
      }
    }
    return { added, problem };
  }

  /** Removes subscriptions that the client has ended. @returns the first problem, if there is one */
  remove(ids: readonly number[]): string | undefined {
    const removed: S[] = [];
    let problem: string | undefined;
    for (const id of ids) {
      const subscribed = this.#byId.get(id);
      if (subscribed !== undefined) {
        this.#delete(subscribed);
        removed.push(subscribed);
      } else if (this.#ended.get(String(id))) this.#ended.delete(String(id));
      else problem ??= `there is no subscription ${id}`;
    }
    for (const subscribed of removed) this.#hooks.onRemoved(subscribed);
    return problem;
  }

  /** Removes a subscription that the gateway ends. */
  end(subscribed: S): void {
    this.#delete(subscribed);
    this.#ended.set(String(subscribed.id), true);
    this.#hooks.onRemoved(subscribed);
  }

  /** Ends the subscription to the channel of a stream, if there is one. */
  withdraw(key: string): void {
    const subscribed = this.#byKey.get(key);
    if (subscribed !== undefined) this.end(subscribed);
  }

  #delete({ id, channel }: S): void {
    this.#byId.delete(id);
    this.#byKey.delete(channel.key);
  }
}
