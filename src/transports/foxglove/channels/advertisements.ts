/**
 * Channels of one viewer: those that exist, and those that it knows. Only the state at the time when the viewer can read is
 * sent, so that a viewer that does not read holds nothing while streams appear and vanish.
 */
import type { LiveChannel } from "../../../wire/foxglove/live-channel.ts";
import type { Channel } from "../../../wire/foxglove/server-messages.ts";
import type { Outlet } from "../outlet.ts";

/** Size of schemas (characters) after which an advertisement ends and the next one begins. */
const MESSAGE_CHARACTERS = 64 * 1024;

/** Channel that has been advertised to a viewer. */
export interface Advertised {
  readonly id: number;
  readonly channel: LiveChannel;
}

/** Reactions of the viewer. */
export interface AdvertisementsHooks {
  /** Called when `sync` has something to send. */
  readonly onChange: () => void;
  /** A channel is no longer advertised. Viewers end its subscription by themselves. */
  readonly onWithdrawn: (key: string) => void;
}

/** Keeps the channels of a viewer, by stream key. */
export class Advertisements {
  readonly #hooks: AdvertisementsHooks;
  readonly #wanted = new Map<string, LiveChannel>();
  readonly #sent = new Map<string, Advertised>();
  readonly #byId = new Map<number, Advertised>();
  /** Keys whose channel may differ from the advertised one. */
  readonly #changed = new Set<string>();

  constructor(hooks: AdvertisementsHooks) {
    this.#hooks = hooks;
  }

  /** Sets the channel of a stream; undefined if it has none. */
  set(key: string, channel: LiveChannel | undefined): void {
    if (channel === undefined) this.#wanted.delete(key);
    else this.#wanted.set(key, channel);
    this.#changed.add(key);
    this.#hooks.onChange();
  }

  /** Returns an advertised channel. */
  withId(id: number): Advertised | undefined {
    return this.#byId.get(id);
  }

  /** Whether there are channels to advertise or to withdraw. */
  get hasChanges(): boolean {
    return this.#changed.size > 0;
  }

  /** Sends a part of the changes if the outlet has room. @returns whether it has room for more of them */
  sync(outlet: Outlet): boolean {
    if (this.hasChanges && !outlet.isFull()) this.#sendSome(outlet);
    return this.hasChanges && !outlet.isFull();
  }

  #sendSome(outlet: Outlet): void {
    const channelIds: number[] = [];
    const channels: Channel[] = [];
    let characters = 0;
    for (const key of this.#changed) {
      if (characters >= MESSAGE_CHARACTERS) break;
      this.#changed.delete(key);
      const [wanted, sent] = [this.#wanted.get(key), this.#sent.get(key)];
      if (wanted === sent?.channel || (wanted && sent && isSame(wanted, sent.channel))) continue;
      if (sent !== undefined) {
        this.#withdraw(key, sent);
        channelIds.push(sent.id);
      }
      if (wanted === undefined) continue;
      const { id } = this.#advertise(key, wanted);
      const { topic, encoding, schemaName, schema, schemaEncoding } = wanted;
      channels.push({ id, topic, encoding, schemaName, schema, schemaEncoding });
      characters += schema.length + topic.length;
    }
    if (channelIds.length > 0) outlet.send({ op: "unadvertise", channelIds });
    if (channels.length > 0) outlet.send({ op: "advertise", channels });
  }

  #withdraw(key: string, { id }: Advertised): void {
    this.#sent.delete(key);
    this.#byId.delete(id);
    this.#hooks.onWithdrawn(key);
  }

  #advertise(key: string, channel: LiveChannel): Advertised {
    let { id } = channel;
    // Ids are hashes, so two of thousands of channels may have the same.
    while (this.#byId.has(id)) id = (id + 1) >>> 0;
    const advertised = { id, channel };
    this.#sent.set(key, advertised);
    this.#byId.set(id, advertised);
    return advertised;
  }
}

/** Whether two channels of a stream are advertised alike, and encode entries alike. */
const isSame = (a: LiveChannel, b: LiveChannel): boolean => a.id === b.id && a.form === b.form;
