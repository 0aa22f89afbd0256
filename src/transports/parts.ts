/** Parts of the gateway that every transport receives: streams, access, observation and configuration. */
import type { IncomingMessage } from "node:http";
import type { Admission } from "../access/admission.ts";
import type { BrowserGuard } from "../access/browser-guard.ts";
import type { Authenticator } from "../access/identity/authenticator.ts";
import type { Tickets } from "../access/identity/tickets.ts";
import type { ClientMemory } from "../access/limits/client-memory.ts";
import type { Limits } from "../access/limits/limits.ts";
import type { Usage } from "../access/limits/usage.ts";
import type { Sessions } from "../access/sessions.ts";
import type { Presence } from "../devices/presence.ts";
import type { Logger } from "../domain/logger.ts";
import type { Turns } from "../domain/scheduling/turns.ts";
import type { Subscribe } from "../live/subscription.ts";
import type { Counters } from "../observe/counters.ts";
import type { StreamClasses } from "../observe/stream-classes.ts";
import type { Tracing } from "../observe/tracing.ts";
import type { Append } from "../redis/append/appender.ts";
import type { LargeAppends } from "../redis/append/large-appends.ts";
import type { Retention } from "../redis/append/retention.ts";
import type { Availability } from "../redis/availability.ts";
import type { Groups } from "../redis/groups/groups.ts";
import type { PolledReads } from "../redis/read/poll-cache.ts";
import type { StreamReader } from "../redis/read/stream-reader.ts";
import type { MetaWatch } from "../redis/registry/metadata-watch.ts";
import type { Registry } from "../redis/registry/registry.ts";
import type { StreamWatch } from "../redis/registry/watch/stream-watch.ts";
import type { Declarations } from "./request/append/declarations.ts";
import type { RequestLimits } from "./request/streams.ts";
import type { Warnings } from "./request/warnings.ts";
import type { TurnEnd } from "./response/byte-sink.ts";
import type { Closing } from "./response/closing.ts";
import type { ErrorLog } from "./response/errors/error-log.ts";
import type { SocketDeadlines } from "./response/sockets/socket-deadlines.ts";

/** Parts of the gateway that every transport uses. */
export interface TransportParts {
  readonly streams: Streams;
  readonly access: Access;
  readonly observe: Observe;
  readonly config: TransportConfig;
}

/** Streams, stored and live, and the devices and streams that exist. */
export interface Streams {
  readonly streamReader: StreamReader;
  readonly append: Append;
  readonly largeAppends: LargeAppends;
  /** Cached reads for polling clients. */
  readonly polled: PolledReads;
  readonly subscribe: Subscribe;
  /** Writes everything that is ready for sockets at the end of an event-loop turn. */
  readonly turnEnd: TurnEnd;
  readonly availability: Availability;
  /** Resolves if Redis replies and accepts writes. @throws GatewayError */
  readonly isReady: () => Promise<void>;
  readonly registry: Registry;
  /** Declarations of clients about the streams that they store entries in. */
  readonly declarations: Declarations;
  readonly metaWatch: MetaWatch;
  /** Streams that appear and vanish, for requests with patterns. */
  readonly streamWatch: StreamWatch;
  readonly retention: Retention;
  readonly presence: Presence;
  /** Consumer groups. */
  readonly groups: Groups;
}

/** Authentication, permissions and limits of clients. */
export interface Access {
  readonly admission: Admission;
  readonly authenticator: Authenticator;
  readonly tickets: Tickets;
  readonly guard: BrowserGuard;
  readonly sessions: Sessions;
  readonly limits: Limits;
  readonly memory: ClientMemory;
  /** Whether an address belongs to a proxy, which connects for many clients. */
  readonly isProxy: (address: string) => boolean;
  /** Counters of connections, shared by workers. */
  readonly usage: Usage;
  readonly deadlines: SocketDeadlines;
  /** Turns of the event loop, which clients share fairly. */
  readonly turns: Turns;
  /** Address of the client of a request. */
  readonly addressOf: (request: IncomingMessage) => string;
  /** Signals shutdown: waiting requests must respond immediately. */
  readonly closing: Closing;
}

/** Counters, logs and traces. */
export interface Observe {
  readonly counters: Counters;
  readonly streamClasses: StreamClasses;
  readonly errorLog: ErrorLog;
  readonly warnings: Warnings;
  readonly tracing: Tracing | undefined;
  readonly logger: Logger;
}

/** Settings that several transports use. */
export interface TransportConfig extends RequestLimits {
  /** Version of the gateway. */
  readonly version: string;
  /** Path prefix behind a proxy; precedes every URL in a response. */
  readonly pathPrefix: string;
  readonly maxMessageBytes: number;
  /** Maximum size of a GraphQL request, in bytes. */
  readonly graphqlMaxBytes: number;
  readonly sendHighWaterBytes: number;
  readonly heartbeatMs: number;
  /** Maximum time (ms) to receive one request or message. */
  readonly uploadTimeoutMs: number;
}
