/** Live subscriptions of one viewer, one per channel. */
import type { Session } from "../../../access/sessions.ts";
import { GatewayError } from "../../../domain/errors.ts";
import type { StreamPosition } from "../../../domain/streams/cursor.ts";
import { type EntryId, FIRST_ID, idBefore } from "../../../domain/streams/entry-id.ts";
import { StreamMemory } from "../../../live/memory/stream-memory.ts";
import type { Subscription } from "../../../live/subscription.ts";
import type { RequestedSubscription } from "../../../wire/foxglove/client-messages.ts";
import type { TransportParts } from "../../parts.ts";
import type { FramesInFlight } from "../../websocket-protocol/frames-in-flight.ts";
import type { Advertisements } from "../channels/advertisements.ts";
import { createSkipReport, errorStatus, gapStatus, statusIds } from "../channels/channel-statuses.ts";
import type { Outlet } from "../outlet.ts";
import type { Statuses } from "../statuses.ts";
import type { ChannelReaders } from "./channel-readers.ts";
import { createMessageEncoder, type MessageFrame } from "./message-encoder.ts";
import { Rotation } from "./rotation.ts";
import { type Subscribed, SubscribedChannels } from "./subscribed-channels.ts";

/** Parts of a viewer. */
export interface SubscriptionsParts {
  readonly parts: TransportParts;
  readonly session: Session;
  readonly advertisements: Advertisements;
  readonly statuses: Statuses;
  readonly outlet: Outlet;
  readonly inFlight: FramesInFlight;
  /** Reading failed for all channels. */
  readonly onError: (error: unknown) => void;
}

/** A subscription to a channel. */
interface Open extends Subscribed {
  /** Undefined until its start is known. */
  subscription?: Subscription;
  isClosed?: true;
}

/** Reads channels live. */
export class Subscriptions implements ChannelReaders {
  readonly #viewer: SubscriptionsParts;
  readonly channels: SubscribedChannels<Open>;
  /** Channels of images, which share the frames in flight. */
  readonly #images = new Rotation("in-flight");

  constructor(viewer: SubscriptionsParts) {
    this.#viewer = viewer;
    this.channels = new SubscribedChannels<Open>(viewer.advertisements, {
      create: (subscribed) => ({ ...subscribed }),
      onRemoved: (open) => this.#ended(open),
    });
    viewer.parts.access.sessions.read(viewer.session, { behind: () => this.#behind() });
    viewer.inFlight.start({ pause: () => this.#images.pause(), resume: () => this.#images.resume() });
  }

  subscribe(requested: readonly RequestedSubscription[]): string | undefined {
    const { added, problem } = this.channels.add(requested);
    if (added.length > 0) this.#startAll(added).catch(this.#viewer.onError);
    return problem;
  }

  control(): void {
    throw new GatewayError(
      "NOT_ENABLED",
      "this connection is live; connect with the parameters start and end to play history back",
    );
  }

  sync(): void {}

  close(): void {
    for (const open of this.channels.all()) this.channels.end(open);
  }

  /** Returns the streams that may have entries after those that were sent; undefined without any channel. */
  #behind(): readonly StreamPosition[] | undefined {
    const subscriptions = this.channels.all().flatMap(({ subscription }) => subscription ?? []);
    return subscriptions.length === 0 ? undefined : subscriptions.flatMap((one) => one.behind() ?? []);
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
    const { parts, session, outlet, inFlight, statuses } = this.#viewer;
    const { channel } = open;
    const cursor = idBefore(last) ?? FIRST_ID;
    const skips = channel.isImage ? createSkipReport(statuses, channel.topic) : undefined;
    const subscription = parts.streams.subscribe<MessageFrame>({
      streams: [{ key: channel.key, name: channel.key, cursor, madeFromTime: cursor, isAtEnd: false }],
      encoder: createMessageEncoder(open.id, channel),
      sink: channel.isImage ? inFlight : outlet,
      memory: parts.access.memory.answer("answer", session.visitor),
      // All are counted: a viewer has a subscription for each channel.
      streamMemory: new StreamMemory(parts.access.memory.streams(session.visitor), { countsFirst: true }),
      ...(skips && {
        onDemand: { count: 1, latest: true, onSkipped: (_name, entries) => skips(entries) },
      }),
      onCaughtUp: () => {
        outlet.caughtUp(subscription);
        this.#images.caughtUp(subscription);
      },
      onGap: () => statuses.set(...gapStatus(channel.topic)),
      onError: (error) => {
        this.channels.end(open);
        statuses.set(...errorStatus(channel.topic, error));
      },
    });
    open.subscription = subscription;
    outlet.add(subscription);
    if (channel.isImage) this.#images.add(subscription);
  }

  #ended(open: Open): void {
    const { outlet, statuses } = this.#viewer;
    const { channel, subscription } = open;
    open.isClosed = true;
    for (const status of statusIds(channel.topic)) statuses.remove(status);
    if (subscription === undefined) return;
    outlet.remove(subscription);
    this.#images.remove(subscription);
    subscription.close();
  }
}
