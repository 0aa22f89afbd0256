/** Subscriptions of one viewer to its channels, one per channel. */
import type { Visitor } from "../../access/admission.ts";
import { asGatewayError } from "../../domain/errors.ts";
import { type EntryId, FIRST_ID, idBefore } from "../../domain/streams/entry-id.ts";
import type { Subscription } from "../../live/subscription.ts";
import type { RequestedSubscription } from "../../wire/foxglove/client-messages.ts";
import type { LiveChannel } from "../../wire/foxglove/live-channel.ts";
import type { TransportParts } from "../parts.ts";
import type { FramesInFlight } from "../websocket-protocol/frames-in-flight.ts";
import type { Advertisements } from "./advertisements.ts";
import { createSkipReport, gapStatus, hiddenStatus, statusIds } from "./channel-statuses.ts";
import { createMessageEncoder, type MessageFrame } from "./message-encoder.ts";
import type { Outlet } from "./outlet.ts";
import { Rotation } from "./rotation.ts";
import type { Statuses } from "./statuses.ts";

/** Parts of a viewer. */
export interface SubscriptionsParts {
  readonly parts: TransportParts;
  readonly visitor: Visitor;
  readonly advertisements: Advertisements;
  readonly statuses: Statuses;
  readonly outlet: Outlet;
  readonly inFlight: FramesInFlight;
  /** Reading failed for all channels. */
  readonly onError: (error: unknown) => void;
}

/** A subscription that the viewer has. */
interface Open {
  readonly id: number;
  readonly channel: LiveChannel;
  /** Undefined until its start is known. */
  subscription?: Subscription;
  isClosed?: true;
}

/** Keeps the subscriptions. */
export class Subscriptions {
  readonly #viewer: SubscriptionsParts;
  readonly #open = new Map<number, Open>();
  /** Ids of the subscriptions, by stream key. */
  readonly #byKey = new Map<string, number>();
  /** Channels of images, which share the frames in flight. */
  readonly #images = new Rotation("in-flight");

  constructor(viewer: SubscriptionsParts) {
    this.#viewer = viewer;
    viewer.inFlight.start({ pause: () => this.#images.pause(), resume: () => this.#images.resume() });
  }

  /** Subscribes to channels. @returns the first problem, if there is one */
  subscribe(requested: readonly RequestedSubscription[]): string | undefined {
    const added: Open[] = [];
    let problem: string | undefined;
    for (const one of requested) {
      const channel = this.#viewer.advertisements.withId(one.channelId)?.channel;
      problem ??= this.#problemOf(one, channel);
      if (channel === undefined || this.#problemOf(one, channel) !== undefined) continue;
      const open = { id: one.id, channel };
      this.#open.set(one.id, open);
      this.#byKey.set(channel.key, one.id);
      added.push(open);
    }
    if (added.length > 0) this.#startAll(added).catch(this.#viewer.onError);
    return problem;
  }

  /** Ends subscriptions. @returns the first problem, if there is one */
  unsubscribe(ids: readonly number[]): string | undefined {
    let problem: string | undefined;
    for (const id of ids) {
      const open = this.#open.get(id);
      if (open === undefined) problem ??= `there is no subscription ${id}`;
      else this.#end(open);
    }
    return problem;
  }

  /** Ends the subscription to a channel that is no longer advertised. */
  withdraw(key: string): void {
    const open = this.#open.get(this.#byKey.get(key) ?? -1);
    if (open !== undefined) this.#end(open);
  }

  close(): void {
    for (const open of this.#open.values()) this.#end(open);
  }

  #problemOf({ id, channelId }: RequestedSubscription, channel: LiveChannel | undefined): string | undefined {
    if (channel === undefined) return `channel ${channelId} is not advertised`;
    if (this.#open.has(id)) return `subscription ${id} exists already`;
    if (this.#byKey.has(channel.key)) return `${channel.topic} is subscribed to already`;
    return undefined;
  }

  async #startAll(added: readonly Open[]): Promise<void> {
    const { registry } = this.#viewer.parts.streams;
    const last = await Promise.all(added.map(({ channel }) => registry.lastGeneratedId(channel.key)));
    await this.#viewer.parts.access.turns.slices.run(this.#startSteps(added, last));
  }

  *#startSteps(added: readonly Open[], last: readonly EntryId[]): Generator<void, void> {
    for (const [i, open] of added.entries()) {
      if (!open.isClosed) this.#start(open, last[i] ?? FIRST_ID);
      yield;
    }
  }

  /** Starts right before the newest entry, so that a panel shows it at once. */
  #start(open: Open, last: EntryId): void {
    const { parts, visitor, outlet, inFlight, statuses } = this.#viewer;
    const { channel } = open;
    const cursor = idBefore(last) ?? FIRST_ID;
    const skips = channel.isImage ? createSkipReport(statuses, channel.topic) : undefined;
    const subscription = parts.streams.subscribe<MessageFrame>({
      streams: [{ key: channel.key, name: channel.key, cursor, madeFromTime: cursor, isAtEnd: false }],
      encoder: createMessageEncoder(open.id, channel),
      sink: outlet,
      memory: parts.access.memory.answer("answer", visitor),
      ...(skips && {
        onDemand: { count: 1, latest: true, onSkipped: (_name, entries) => skips(entries) },
      }),
      onFrame({ bytes, hidden }) {
        if (channel.isImage) inFlight.sent(bytes);
        if (hidden > 0) statuses.set(...hiddenStatus(channel.topic));
      },
      onGap: () => statuses.set(...gapStatus(channel.topic)),
      onError: (error) => {
        this.#end(open);
        statuses.set(`error-${channel.topic}`, {
          level: "error",
          message: `${channel.topic} cannot be read: ${asGatewayError(error).message}`,
        });
      },
    });
    open.subscription = subscription;
    outlet.add(subscription);
    if (channel.isImage) this.#images.add(subscription);
  }

  #end(open: Open): void {
    const { outlet, statuses } = this.#viewer;
    const { id, channel, subscription } = open;
    open.isClosed = true;
    this.#open.delete(id);
    this.#byKey.delete(channel.key);
    for (const status of statusIds(channel.topic)) statuses.remove(status);
    if (subscription === undefined) return;
    outlet.remove(subscription);
    this.#images.remove(subscription);
    subscription.close();
  }
}
