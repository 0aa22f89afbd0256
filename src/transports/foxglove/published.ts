/** Entries that a viewer publishes: its own channels, such as those of the panels Publish and Teleop, append to streams. */
import { authorize } from "../../access/identity/authorize.ts";
import { accountName } from "../../access/limits/limits.ts";
import type { Session } from "../../access/sessions.ts";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import { checkName, DEFAULT_DEVICE } from "../../domain/streams/stream-name.ts";
import type { ClientChannel } from "../../wire/foxglove/client-messages.ts";
import { keyOfTopic } from "../../wire/foxglove/topic.ts";
import type { TransportParts } from "../parts.ts";
import type { InFlight } from "../websocket-protocol/backpressure.ts";
import type { PayloadPool } from "../websocket-protocol/memory/buffer-pool.ts";
import { OrderedAppends } from "./ordered-appends.ts";

/** Encodings in which viewers publish. */
export const PUBLISHED_ENCODINGS: readonly string[] = ["json"];

/** Weight of a waiting entry besides its payload, in bytes, as for pushed entries. */
const ENTRY_BYTES = 1024;

/** Parts of a viewer. */
export interface PublishedParts {
  readonly parts: TransportParts;
  readonly session: Session;
  /** Device of the route, if it names one: that of topics with one segment. */
  readonly device: string | undefined;
  readonly inFlight: InFlight;
  readonly payloadPool: PayloadPool;
  /** An entry was not stored. */
  readonly onRejected: (error: GatewayError) => void;
}

/** A channel of the client. */
interface Open {
  readonly key: string;
  /** Ends the record that the session uses the stream. */
  readonly end: () => void;
}

/** Keeps the channels of a client. */
export class Published {
  readonly #viewer: PublishedParts;
  readonly #open = new Map<number, Open>();
  readonly #appends: OrderedAppends;

  constructor(viewer: PublishedParts) {
    this.#viewer = viewer;
    const { append, largeAppends } = viewer.parts.streams;
    this.#appends = new OrderedAppends({ append, largeAppends, client: accountName(viewer.session.visitor) });
  }

  /**
   * Opens channels, also those after one that is rejected.
   *
   * @returns the first problem, if there is one
   * @throws GatewayError if a topic is not valid, or the client may not write to its stream
   */
  advertise(channels: readonly ClientChannel[]): string | undefined {
    let problem: string | undefined;
    let rejection: GatewayError | undefined;
    for (const channel of channels) {
      const found = this.#problemOf(channel);
      problem ??= found;
      try {
        if (found === undefined) this.#add(channel);
      } catch (error) {
        rejection ??= asGatewayError(error);
      }
    }
    if (rejection !== undefined) throw rejection;
    return problem;
  }

  /** Closes channels. @returns the first problem, if there is one */
  unadvertise(ids: readonly number[]): string | undefined {
    let problem: string | undefined;
    for (const id of ids) {
      if (!this.#open.has(id)) problem ??= noChannel(id);
      this.#open.get(id)?.end();
      this.#open.delete(id);
    }
    return problem;
  }

  /**
   * Stores an entry. Does not wait for the result.
   *
   * @param memory pool buffer of the payload, which is returned to the pool
   * @returns a problem, if there is one
   */
  store(channelId: number, data: Uint8Array, memory: Buffer | undefined): string | undefined {
    const { inFlight, payloadPool, onRejected } = this.#viewer;
    const channel = this.#open.get(channelId);
    const giveBack = () => {
      if (memory !== undefined) payloadPool.give(memory);
    };
    if (channel === undefined) {
      giveBack();
      return noChannel(channelId);
    }
    const bytes = data.length + ENTRY_BYTES;
    inFlight.add(bytes);
    this.#appends.add({ key: channel.key, id: "*", data }, ([result], isKept) => {
      if (!isKept) giveBack();
      inFlight.remove(bytes);
      if (result instanceof GatewayError) onRejected(result);
    });
    return undefined;
  }

  #problemOf({ id, encoding }: ClientChannel): string | undefined {
    const { maxStreams } = this.#viewer.parts.config;
    if (!PUBLISHED_ENCODINGS.includes(encoding))
      return `the encoding of a channel must be json, got ${JSON.stringify(encoding.slice(0, 40))}`;
    if (this.#open.has(id)) return `channel ${id} of this client already exists`;
    return this.#open.size < maxStreams ? undefined : `a client must have at most ${maxStreams} channels`;
  }

  #add({ id, topic }: ClientChannel): void {
    const { parts, session } = this.#viewer;
    const key = this.#keyOf(topic);
    authorize(session.visitor.identity, "write", [key]);
    parts.access.limits.useStream(session.visitor, key);
    this.#open.set(id, { key, end: parts.access.sessions.use(session, "write", [key]) });
  }

  /** @throws GatewayError BAD_PARAMETER */
  #keyOf(topic: string): string {
    const { parts, device = DEFAULT_DEVICE } = this.#viewer;
    const { noDevicePrefix, maxNameBytes } = parts.config;
    checkName("topic", topic, maxNameBytes);
    const key = keyOfTopic(topic, noDevicePrefix ? undefined : device);
    if (key !== undefined && !key.endsWith(":") && !key.includes("*")) return key;
    throw new GatewayError(
      "BAD_PARAMETER",
      `topic must be /{device}/{stream} or /{stream}, without "*", got ${JSON.stringify(topic.slice(0, 60))}`,
    );
  }
}

const noChannel = (id: number): string => `there is no channel ${id} of this client`;
