/** Subscriptions of a viewer to channels: live (`live-subscriptions.ts`), or to a playback (`played-channels.ts`). */
import type { PlaybackControl, RequestedSubscription } from "../../../wire/foxglove/client-messages.ts";

/** Reads channels for a viewer. */
export interface ChannelReaders {
  /** Subscribes to channels. @returns the first problem, if there is one */
  subscribe(requested: readonly RequestedSubscription[]): string | undefined;
  /** Ends subscriptions. @returns the first problem, if there is one */
  unsubscribe(ids: readonly number[]): string | undefined;
  /** Ends the subscription to a channel that is no longer advertised. */
  withdraw(key: string): void;
  /** Runs a command of the client. @throws GatewayError */
  control(control: PlaybackControl): void;
  /** Sends what waited for room in the outlet. */
  sync(): void;
  close(): void;
}
