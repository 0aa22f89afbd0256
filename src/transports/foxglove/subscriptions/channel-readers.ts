/** Subscriptions of a viewer to channels: live (`live-subscriptions.ts`), or to a playback (`played-channels.ts`). */
import type { PlaybackControl, RequestedSubscription } from "../../../wire/foxglove/client-messages.ts";
import type { Subscribed, SubscribedChannels } from "./subscribed-channels.ts";

/** Reads channels for a viewer. */
export interface ChannelReaders {
  /** Subscribes to channels. @returns the first problem, if there is one */
  subscribe(requested: readonly RequestedSubscription[]): string | undefined;
  /** The subscriptions, which can be removed. */
  readonly channels: Pick<SubscribedChannels<Subscribed>, "remove" | "withdraw">;
  /** Runs a command of the client. @throws GatewayError */
  control(control: PlaybackControl): void;
  /** Sends the messages that waited for room in the outlet. */
  sync(): void;
  close(): void;
}
