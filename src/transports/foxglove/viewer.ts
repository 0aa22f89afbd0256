/** One viewer's connection (docs/protocol.md, "Foxglove"). */
import { randomUUID } from "node:crypto";
import { accountName } from "../../access/limits/limits.ts";
import { asGatewayError, type GatewayError } from "../../domain/errors.ts";
import type { ClientMessage } from "../../wire/foxglove/client-messages.ts";
import { secondsOf } from "../../wire/foxglove/log-time.ts";
import { type Capability, STATUS_LEVELS, timeObject } from "../../wire/foxglove/server-messages.ts";
import type { TransportParts } from "../parts.ts";
import { startPattern, TOO_MANY_STREAMS } from "../request/follow-pattern.ts";
import { type OpenStreams, openStreams } from "../request/pattern-streams.ts";
import { createClientSink } from "../response/client-sink.ts";
import type { InFlight, PushGate } from "../websocket-protocol/backpressure.ts";
import { FramesInFlight } from "../websocket-protocol/frames-in-flight.ts";
import type { PayloadPool } from "../websocket-protocol/memory/buffer-pool.ts";
import { createPauseReasons } from "../websocket-protocol/pause-reasons.ts";
import { closeWith, errorContextOf, type SocketRequest } from "../websocket-protocol/upgrade-route.ts";
import { ChangeTurns } from "./change-turns.ts";
import { Advertisements } from "./channels/advertisements.ts";
import type { ChannelCatalog } from "./channels/channel-catalog.ts";
import { hiddenStatus } from "./channels/channel-statuses.ts";
import { SchemaMemory } from "./channels/schema-memory.ts";
import { ViewerChannels } from "./channels/viewer-channels.ts";
import { ClientMessages } from "./client-messages.ts";
import { Outlet } from "./outlet.ts";
import { PUBLISHED_ENCODINGS, Published } from "./published.ts";
import { Statuses } from "./statuses.ts";
import type { ChannelReaders } from "./subscriptions/channel-readers.ts";
import { Subscriptions } from "./subscriptions/live-subscriptions.ts";
import { type PlayedRange, storedRange } from "./subscriptions/playback-range.ts";
import { PlayedChannels } from "./subscriptions/played-channels.ts";
import { readViewerRequest, type ViewerRequest } from "./viewer-request.ts";

/** Parts of the route. */
export interface FoxgloveParts extends TransportParts {
  readonly catalog: ChannelCatalog;
  readonly payloadPool: PayloadPool;
  readonly pushGate: PushGate;
}

/** Size (bytes) from which an image is alone in flight: other messages wait for no more than that image. */
const ALONE_BYTES = 256 * 1024;

/** Serves a viewer. */
export class Viewer {
  readonly #parts: FoxgloveParts;
  readonly #request: SocketRequest;
  readonly #changes: ChangeTurns;
  readonly #wanted: ViewerRequest;
  readonly #outlet: Outlet;
  readonly #inFlight: FramesInFlight;
  /** The channels of all streams at the start are found. */
  #isSettled = false;
  readonly #statuses: Statuses;
  readonly #advertisements: Advertisements;
  readonly #channels: ViewerChannels;
  readonly #published: Published;
  readonly #publishing: InFlight;
  readonly #messages: ClientMessages;
  /** Undefined before the streams are known. */
  #readers: ChannelReaders | undefined;
  #stopPattern: (() => void) | undefined;
  #stopStatus: (() => void) | undefined;
  #isClosed = false;

  /** @throws GatewayError if a parameter is not valid, or the client may not read any stream */
  constructor(request: SocketRequest, parts: FoxgloveParts) {
    const { webSocket, socket, session } = request;
    const { visitor } = session;
    const { payloadPool } = parts;
    this.#wanted = readViewerRequest(request, parts.config);
    this.#parts = parts;
    this.#request = request;
    this.#changes = new ChangeTurns({
      ...{ turns: parts.access.turns.requests, turnEnd: parts.streams.turnEnd },
      owner: { connection: socket, address: () => visitor.address },
      send: () => this.#sendChanges(),
      onError: (error) => this.end(asGatewayError(error)),
    });
    const reason = createPauseReasons(webSocket);
    const unread = reason();
    const sink = createClientSink(socket, visitor, parts);
    this.#outlet = new Outlet(sink, {
      onFull: unread.pause,
      onRoom: () => {
        unread.resume();
        this.#changes.now();
      },
      onHidden: (topic) => this.#statuses.set(...hiddenStatus(topic)),
    });
    this.#inFlight = new FramesInFlight(this.#outlet, ALONE_BYTES);
    const onChange = () => this.#changes.soon();
    this.#statuses = new Statuses(onChange);
    this.#advertisements = new Advertisements({
      onChange,
      onWithdrawn: (key) => this.#readers?.channels.withdraw(key),
    });
    this.#channels = new ViewerChannels({
      ...{ advertisements: this.#advertisements, statuses: this.#statuses, catalog: parts.catalog },
      client: accountName(visitor),
      schemas: new SchemaMemory(parts.access.memory.streams(visitor)),
      onError: (error) => this.end(asGatewayError(error)),
    });
    this.#publishing = parts.pushGate.open(reason(), parts.access.memory.receive("append", visitor));
    this.#published = new Published({
      ...{ parts, session, device: this.#wanted.device, payloadPool, inFlight: this.#publishing },
      onRejected: (error) => this.#reject(error),
    });
    this.#messages = new ClientMessages(
      { request, parts, reason },
      {
        run: (message, memory) => this.#run(message, memory),
        onProblem: (problem) => this.#answer(problem, "warning"),
        onRejected: (error) => this.#reject(error),
        onError: (error) => this.end(error),
      },
    );
    this.#open().catch((error) => this.end(asGatewayError(error)));
  }

  /** @param memory pool buffer of the message, which is returned to the pool */
  message(bytes: Buffer, isBinary: boolean, memory: Buffer | undefined): void {
    this.#messages.take(bytes, isBinary, memory);
  }

  pong(payload: Uint8Array): void {
    this.#inFlight.pong(payload);
  }

  stop(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#changes.close();
    this.#messages.close();
    this.#stopStatus?.();
    this.#stopPattern?.();
    this.#channels.close();
    this.#readers?.close();
    this.#publishing.close();
    this.#inFlight.stop();
  }

  end(error: GatewayError): void {
    if (this.#isClosed) return;
    this.stop();
    this.#outlet.flush();
    closeWith(this.#request.webSocket, error);
  }

  async #open(): Promise<void> {
    const { requested, range } = this.#wanted;
    if (range === undefined) this.#sendServerInfo(undefined);
    await this.#channels.open();
    if (this.#isClosed) return;
    const opened = await openStreams(requested, this.#request.session.visitor, this.#parts);
    this.#stopPattern = () => opened.pattern?.close();
    const played = await this.#storedRange(opened);
    if (this.#isClosed) {
      this.#stopPattern();
      return;
    }
    if (played !== undefined) this.#sendServerInfo(played);
    this.#readers = this.#openReaders(played);
    this.#stopStatus = this.#reportStatus();
    this.#follow(opened);
    await this.#channels.settle();
    if (this.#isClosed) return;
    this.#isSettled = true;
    this.#changes.now();
  }

  async #storedRange({ streams }: OpenStreams): Promise<PlayedRange | undefined> {
    const { range } = this.#wanted;
    if (range === undefined || this.#isClosed) return undefined;
    const keys = streams.map(({ key }) => key);
    const client = accountName(this.#request.session.visitor);
    return storedRange(range, keys, this.#parts.streams.registry, client);
  }

  #sendServerInfo(range: PlayedRange | undefined): void {
    const { canPublish } = this.#wanted;
    const capabilities: readonly Capability[] = [
      ...(canPublish ? (["clientPublish"] as const) : []),
      ...(range ? (["time", "playbackControl"] as const) : []),
    ];
    this.#outlet.send({
      ...{ op: "serverInfo", name: "redis-streamer", capabilities },
      supportedEncodings: canPublish ? PUBLISHED_ENCODINGS : [],
      metadata: { version: this.#parts.config.version },
      sessionId: randomUUID(),
      ...(range && {
        dataStartTime: timeObject(secondsOf(range.start)),
        dataEndTime: timeObject(secondsOf(range.end)),
      }),
    });
  }

  #openReaders(range: PlayedRange | undefined): ChannelReaders {
    const { session } = this.#request;
    const shared = {
      ...{ parts: this.#parts, outlet: this.#outlet },
      ...{ advertisements: this.#advertisements, statuses: this.#statuses },
      onError: (error: unknown) => this.end(asGatewayError(error)),
    };
    return range === undefined
      ? new Subscriptions({ ...shared, session, inFlight: this.#inFlight })
      : new PlayedChannels({ ...shared, visitor: session.visitor, range });
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
      onError: (error) => this.end(error),
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

  #run(message: ClientMessage, memory: Buffer | undefined): string | undefined {
    switch (message.op) {
      case "subscribe":
        return this.#readers?.subscribe(message.subscriptions);
      case "unsubscribe":
        return this.#readers?.channels.remove(message.subscriptionIds);
      case "advertise":
        return this.#published.advertise(message.channels);
      case "unadvertise":
        return this.#published.unadvertise(message.channelIds);
      case "message":
        return this.#published.store(message.channelId, message.payload, memory);
      default:
        this.#readers?.control(message.control);
        return undefined;
    }
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

  #sendChanges(): boolean {
    this.#readers?.sync();
    const hasMore = this.#advertisements.sync(this.#outlet);
    this.#statuses.sync(this.#outlet);
    // Sent in a later turn if others have their turn, or when the viewer has read: until then, it may not know the channels.
    if (this.#isSettled && !this.#advertisements.hasChanges) this.#messages.open();
    return hasMore;
  }
}
