/** One viewer's connection (docs/protocol.md, "Foxglove"). */
import { randomUUID } from "node:crypto";
import { accountName } from "../../access/limits/limits.ts";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import {
  type ClientMessage,
  readBinaryMessage,
  readTextMessage,
} from "../../wire/foxglove/client-messages.ts";
import { STATUS_LEVELS } from "../../wire/foxglove/server-messages.ts";
import type { TransportParts } from "../parts.ts";
import { startPattern, TOO_MANY_STREAMS } from "../request/follow-pattern.ts";
import { type OpenStreams, openStreams } from "../request/pattern-streams.ts";
import type { RequestedStreams } from "../request/streams.ts";
import { createClientSink } from "../response/client-sink.ts";
import type { InFlight, PushGate } from "../websocket-protocol/backpressure.ts";
import type { PayloadPool } from "../websocket-protocol/buffer-pool.ts";
import { FramesInFlight } from "../websocket-protocol/frames-in-flight.ts";
import { MessageTurns } from "../websocket-protocol/message-turns.ts";
import { createPauseReasons, type Pausable } from "../websocket-protocol/pause-reasons.ts";
import { closeWith, errorContextOf, type SocketRequest } from "../websocket-protocol/upgrade-route.ts";
import { Advertisements } from "./advertisements.ts";
import type { ChannelCatalog } from "./channel-catalog.ts";
import { Outlet } from "./outlet.ts";
import { PUBLISHED_ENCODINGS, Published } from "./published.ts";
import { Statuses } from "./statuses.ts";
import { Subscriptions } from "./subscriptions.ts";
import { ViewerChannels } from "./viewer-channels.ts";
import { readViewerRequest } from "./viewer-request.ts";

/** Messages from this size (bytes), which name hundreds of channels, are handled in turn with the requests of others. */
const LONG_MESSAGE_BYTES = 8 * 1024;

/** Maximum size of a text message, in bytes: a subscription to thousands of channels. */
const MOST_TEXT_BYTES = 256 * 1024;

/** Parts of the route. */
export interface FoxgloveParts extends TransportParts {
  readonly catalog: ChannelCatalog;
  readonly payloadPool: PayloadPool;
  readonly pushGate: PushGate;
}

/** Serves a viewer. */
export class Viewer {
  readonly #parts: FoxgloveParts;
  readonly #request: SocketRequest;
  readonly #outlet: Outlet;
  readonly #inFlight: FramesInFlight;
  readonly #statuses: Statuses;
  readonly #advertisements: Advertisements;
  readonly #channels: ViewerChannels;
  readonly #subscriptions: Subscriptions;
  readonly #published: Published;
  readonly #publishing: InFlight;
  readonly #messages: MessageTurns;
  /** Pauses reading until the channels are advertised. Messages that had arrived wait. */
  readonly #opening: Pausable;
  #early: (() => void)[] | undefined = [];
  #isSyncDue = false;
  #stopPattern: (() => void) | undefined;
  #stopStatus: (() => void) | undefined;
  #isClosed = false;

  /** @throws GatewayError if the device is not valid, or the client may not read any stream */
  constructor(request: SocketRequest, parts: FoxgloveParts) {
    const { webSocket, socket, session } = request;
    const { access, streams } = parts;
    const { requested, device, canPublish } = readViewerRequest(request, parts.config);
    this.#parts = parts;
    this.#request = request;
    const reason = createPauseReasons(webSocket);
    const unread = reason();
    this.#opening = reason();
    const sink = createClientSink(socket, session.visitor, parts);
    this.#outlet = new Outlet(sink, {
      onFull: unread.pause,
      onRoom: () => {
        unread.resume();
        this.#sync();
      },
    });
    this.#inFlight = new FramesInFlight(sink);
    const onChange = () => this.#syncSoon();
    this.#statuses = new Statuses(onChange);
    this.#advertisements = new Advertisements({
      onChange,
      onWithdrawn: (key) => this.#subscriptions.withdraw(key),
    });
    const onError = (error: unknown) => this.end(asGatewayError(error));
    const shared = { advertisements: this.#advertisements, statuses: this.#statuses, onError };
    const { visitor } = session;
    this.#channels = new ViewerChannels({ ...shared, catalog: parts.catalog, client: accountName(visitor) });
    this.#subscriptions = new Subscriptions({
      ...{ ...shared, parts, visitor, outlet: this.#outlet, inFlight: this.#inFlight },
    });
    const append = access.memory.receive("append", visitor);
    this.#publishing = parts.pushGate.open(reason(), append);
    this.#published = new Published({
      ...{ parts, session, device, payloadPool: parts.payloadPool },
      inFlight: this.#publishing,
      onRejected: (error) => this.#reject(error),
    });
    this.#messages = new MessageTurns({
      ...{ turns: access.turns.requests, turnEnd: streams.turnEnd, reading: reason() },
      owner: { connection: socket, address: () => visitor.address },
      deliver: (text) => this.#handle(() => readTextMessage(text)),
    });
    this.#opening.pause();
    this.#sendServerInfo(canPublish);
    this.#open(requested).catch(onError);
  }

  /** @param memory pool buffer of the message, which is returned to the pool */
  message(bytes: Buffer, isBinary: boolean, memory: Buffer | undefined): void {
    if (isBinary && this.#early === undefined) {
      this.#handle(() => readBinaryMessage(bytes), memory);
      return;
    }
    if (isBinary) {
      const copy = Buffer.from(bytes);
      this.#handle(() => readBinaryMessage(copy));
    } else this.#takeText(bytes);
    this.#giveBack(memory);
  }

  pong(payload: Uint8Array): void {
    this.#inFlight.pong(payload);
  }

  stop(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopStatus?.();
    this.#stopPattern?.();
    this.#channels.close();
    this.#subscriptions.close();
    this.#publishing.close();
    this.#inFlight.stop();
  }

  end(error: GatewayError): void {
    if (this.#isClosed) return;
    this.stop();
    this.#outlet.flush();
    closeWith(this.#request.webSocket, error);
  }

  #sendServerInfo(canPublish: boolean): void {
    this.#outlet.send({
      op: "serverInfo",
      name: "redis-streamer",
      capabilities: canPublish ? ["clientPublish"] : [],
      supportedEncodings: canPublish ? PUBLISHED_ENCODINGS : [],
      metadata: { version: this.#parts.config.version },
      sessionId: randomUUID(),
    });
  }

  async #open(requested: RequestedStreams): Promise<void> {
    this.#stopStatus = this.#reportStatus();
    await this.#channels.open();
    if (this.#isClosed) return;
    const opened = await openStreams(requested, this.#request.session.visitor.identity, this.#parts);
    if (this.#isClosed) {
      opened.pattern?.close();
      return;
    }
    this.#follow(opened);
    await this.#channels.settle();
    if (this.#isClosed) return;
    this.#sync();
    const early = this.#early ?? [];
    this.#early = undefined;
    this.#opening.resume();
    for (const handle of early) handle();
  }

  #follow({ streams, pattern }: OpenStreams): void {
    const { access, config, observe } = this.#parts;
    const { session } = this.#request;
    for (const { key, birth } of streams) this.#channels.add(key, birth);
    if (pattern === undefined) return;
    this.#stopPattern = startPattern(pattern, {
      subscription: {
        add: ({ key, birth }) => this.#channels.add(key, birth),
        remove: (key) => this.#channels.remove(key),
      },
      ...{ session, sessions: access.sessions },
      onLimit: (name) => {
        const { maxStreams } = config;
        observe.logger.warn({ ...errorContextOf(session), stream: name, maxStreams }, TOO_MANY_STREAMS);
        this.#statuses.set("limit", {
          level: "warning",
          message: `there are more than ${maxStreams} streams (MAX_STREAMS); the others are not shown. /foxglove/{device} shows those of one device.`,
        });
      },
    });
  }

  #reportStatus(): () => void {
    const { availability } = this.#parts.streams;
    const report = (unavailableSince: Date | undefined): void => {
      if (unavailableSince === undefined) this.#statuses.remove("redis");
      else this.#statuses.set("redis", { level: "error", message: "Redis is unavailable" });
    };
    report(availability.unavailableSince());
    return availability.watch(report);
  }

  #takeText(bytes: Buffer): void {
    if (bytes.length > MOST_TEXT_BYTES) {
      const problem = `a text message must have at most ${MOST_TEXT_BYTES} bytes, got ${bytes.length}`;
      this.end(new GatewayError("TOO_LARGE", problem));
      return;
    }
    const text = bytes.toString();
    if (bytes.length >= LONG_MESSAGE_BYTES || this.#messages.hasWaiting) this.#messages.add(text);
    else this.#handle(() => readTextMessage(text));
  }

  /** Handles a message, or keeps it until the channels are advertised. @param memory pool buffer of the message */
  #handle(read: () => ClientMessage, memory?: Buffer): void {
    let unused = memory;
    try {
      if (this.#isClosed) return;
      if (this.#early !== undefined) {
        this.#early.push(() => this.#handle(read));
        return;
      }
      const message = read();
      if (message.op === "message") unused = undefined;
      const problem = this.#run(message, memory);
      if (problem !== undefined) this.#answer(problem, "warning");
    } catch (error) {
      this.#reject(asGatewayError(error));
    } finally {
      this.#giveBack(unused);
    }
  }

  /** Runs a message. @returns what is wrong with it, for the viewer @throws GatewayError */
  #run(message: ClientMessage, memory: Buffer | undefined): string | undefined {
    switch (message.op) {
      case "subscribe":
        return this.#subscriptions.subscribe(message.subscriptions);
      case "unsubscribe":
        return this.#subscriptions.unsubscribe(message.subscriptionIds);
      case "advertise":
        return this.#published.advertise(message.channels);
      case "unadvertise":
        return this.#published.unadvertise(message.channelIds);
      case "message":
        return this.#published.store(message.channelId, message.payload, memory);
      default:
        throw new GatewayError("NOT_ENABLED", "this connection plays nothing back: it has no start and end");
    }
  }

  #giveBack(memory: Buffer | undefined): void {
    if (memory !== undefined) this.#parts.payloadPool.give(memory);
  }

  /** Reports an error to the viewer. The connection stays open: the viewer would open it again with the same messages. */
  #reject(reason: GatewayError): void {
    if (this.#isClosed) return;
    this.#parts.observe.errorLog.note(reason, errorContextOf(this.#request.session));
    this.#answer(`${reason.code}: ${reason.message}`, "error");
  }

  #answer(message: string, level: keyof typeof STATUS_LEVELS): void {
    this.#outlet.send({ op: "status", level: STATUS_LEVELS[level], message });
  }

  /** Sends changes of channels and statuses at the end of the event-loop turn, together. */
  #syncSoon(): void {
    if (this.#isSyncDue) return;
    this.#isSyncDue = true;
    this.#parts.streams.turnEnd.add(() => {
      this.#isSyncDue = false;
      this.#sync();
    });
  }

  #sync(): void {
    if (this.#isClosed) return;
    this.#advertisements.sync(this.#outlet);
    this.#statuses.sync(this.#outlet);
  }
}
