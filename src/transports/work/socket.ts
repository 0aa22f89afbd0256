/** Route `/data/{stream_id}/work/{group}`: delivers the entries of a consumer group (docs/protocol.md, "Work queues"). */

import { randomUUID } from "node:crypto";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import type { RequestedCursor } from "../../domain/streams/cursor.ts";
import { ReadMemory } from "../../live/memory/read-memory.ts";
import { reserveStreams, StreamMemory } from "../../live/memory/stream-memory.ts";
import { UNNAMED } from "../../redis/groups/commands/scripts.ts";
import type { Consumer } from "../../redis/groups/consumer.ts";
import type { NamedEntry, OnOutcome, Outcome } from "../../redis/groups/consumer-options.ts";
import type { EntryName } from "../../wire/work/work.ts";
import type { TransportParts } from "../parts.ts";
import type { ParametersOf } from "../request/parameters/parameters.ts";
import { readParameters } from "../request/query.ts";
import { logOddTimes } from "../request/warnings.ts";
import type { ByteSink } from "../response/byte-sink.ts";
import { createClientSink } from "../response/client-sink.ts";
import { countOut } from "../response/entries-sent.ts";
import { selectAnyProtocol } from "../websocket-protocol/handshake.ts";
import type { PayloadPool } from "../websocket-protocol/memory/buffer-pool.ts";
import { MessageTurns } from "../websocket-protocol/message-turns.ts";
import { createPauseReasons, type Pausable } from "../websocket-protocol/pause-reasons.ts";
import {
  closeWith,
  errorContextOf,
  type ServedSocket,
  type SocketRequest,
  type UpgradeRoute,
} from "../websocket-protocol/upgrade-route.ts";
import { Confirmations, type Outcomes } from "./confirmations.ts";
import {
  formatEntry,
  MAX_NAMED,
  MAX_SETTLEMENT_BYTES,
  readSettlement,
  type Settlement,
  type WorkAction,
} from "./settlement.ts";
import { WorkOutput } from "./work-output.ts";
import { fromTimes, readFrom, readWork, type WorkRequest } from "./work-request.ts";

/**
 * Messages from this size (bytes), which name about 50 entries, are handled in turn with the requests of others. A chunk of a
 * socket can contain dozens of them, and there can be hundreds of sockets.
 */
const LONG_MESSAGE_BYTES = 1024;

/** Creates the route. */
export const createWorkRoute = (parts: TransportParts, payloadPool: PayloadPool): UpgradeRoute => ({
  kind: "work",
  path: /^\/data\/([^/]+)\/work\/([^/]+)\/?$/,
  parameters: "work",
  maxMessageBytes: Math.min(MAX_SETTLEMENT_BYTES, parts.config.maxMessageBytes),
  choose: selectAnyProtocol,
  serve(request) {
    const worker = new WorkSocket(request, parts);
    return {
      message(bytes, isBinary, memory) {
        worker.message(bytes, isBinary);
        if (memory !== undefined) payloadPool.give(memory);
      },
      closed: () => worker.stop(),
      end: (error) => worker.end(error),
    } satisfies ServedSocket;
  },
});

/** One worker's connection. */
class WorkSocket {
  readonly #parts: TransportParts;
  readonly #request: SocketRequest;
  readonly #work: WorkRequest;
  readonly #parameters: ParametersOf<"work">;
  readonly #sink: ByteSink;
  readonly #output: WorkOutput;
  readonly #messages: MessageTurns;
  readonly #streamMemory: StreamMemory;
  /** Pauses reading while the client does not read the confirmations of its messages. */
  readonly #unread: Pausable;
  #consumer: Consumer | undefined;
  /** Permits that the client granted before the group was open. */
  #early = 0;
  readonly #confirmations = new Confirmations((outcomes) => this.#confirm(outcomes));
  #isClosed = false;

  /** @throws GatewayError if a parameter is invalid, or the client lacks the permission */
  constructor(request: SocketRequest, parts: TransportParts) {
    const { segment, item, search, session, socket } = request;
    const { access, config } = parts;
    const parameters = readParameters("work", search, config);
    const work = readWork(session.visitor.identity, segment, item, parameters, config);
    const from = readFrom(parameters.from);
    const keys = work.streams.map(({ key }) => key);
    access.sessions.use(session, "work", keys);
    for (const key of keys) access.limits.useStream(session.visitor, key);
    this.#streamMemory = new StreamMemory(access.memory.streams(session.visitor));
    reserveStreams(this.#streamMemory, work.streams);
    logOddTimes(fromTimes(work, from), {
      warnings: parts.observe.warnings,
      lastIds: parts.streams.registry,
      at: errorContextOf(session),
    });
    this.#parts = parts;
    this.#request = request;
    this.#work = work;
    this.#parameters = parameters;
    this.#sink = createClientSink(socket, session.visitor, parts);
    const reason = createPauseReasons(request.webSocket);
    this.#unread = reason();
    this.#messages = new MessageTurns({
      owner: { connection: socket, address: () => session.visitor.address },
      turns: access.turns.requests,
      turnEnd: parts.streams.turnEnd,
      reading: reason(),
      deliver: (text) => this.#handle(text),
    });
    const onRoom = () => {
      this.#unread.resume();
      this.#consumer?.resume();
    };
    const memory = new ReadMemory(access.memory.answer("answer", session.visitor), {
      onRoom,
      onFreed: onRoom,
    });
    this.#output = new WorkOutput({
      format: parameters.format,
      sink: this.#sink,
      memory,
      onRoom,
      slices: access.turns.slices,
    });
    this.#open(memory, from).then(
      (consumer) => this.#opened(consumer),
      (error) => this.end(asGatewayError(error)),
    );
  }

  #open(memory: ReadMemory, from: RequestedCursor): Promise<Consumer> {
    const { permits, max_deliver: maxDeliver } = this.#parameters;
    const work = this.#work;
    return this.#parts.streams.groups.open({
      permits,
      maxDeliver,
      memory,
      from,
      ...work,
      name: work.consumer ?? `${UNNAMED}${randomUUID()}`,
      canSend: () => this.#output.canSend(),
      onEntries: (key, entries) => {
        countOut(
          this.#parts.observe.streamClasses,
          key,
          entries.map(({ entry }) => entry),
        );
        this.#output.send(work.streams.find((one) => one.key === key)?.name ?? "", entries);
      },
      onLost: (key, ids) => this.#output.notify({ lost: ids.map((id) => formatEntry({ key, id }, work)) }),
      onError: (error) => this.end(error),
    });
  }

  message(bytes: Buffer, isBinary: boolean): void {
    if (isBinary) {
      this.#reject(
        new GatewayError("WRONG_MESSAGE_KIND", 'a message must be text, such as {"ack": ["5-1"]}, got bytes'),
      );
      return;
    }
    const text = bytes.toString();
    if (bytes.length >= LONG_MESSAGE_BYTES || this.#messages.hasWaiting) this.#messages.add(text);
    else this.#handle(text);
  }

  stop(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#output.close();
    this.#streamMemory.release();
    void this.#consumer?.close();
  }

  end(error: GatewayError): void {
    if (this.#isClosed) return;
    this.stop();
    this.#sink.flush();
    closeWith(this.#request.webSocket, error);
  }

  #opened(consumer: Consumer): void {
    this.#consumer = consumer;
    if (this.#isClosed) void consumer.close();
    else if (this.#early > 0) consumer.grant(this.#early);
  }

  #handle(text: string): void {
    if (this.#isClosed) return;
    try {
      this.#settle(readSettlement(text, this.#work, MAX_NAMED));
    } catch (error) {
      this.#reject(asGatewayError(error));
    }
  }

  #reject(reason: GatewayError): void {
    this.#parts.observe.errorLog.note(reason, errorContextOf(this.#request.session));
    this.end(reason);
  }

  #settle(message: Settlement): void {
    const { entries, permits, token } = message;
    if (token !== undefined) void this.#parts.access.sessions.renew(this.#request.session, token);
    if (permits > 0) this.#grant(permits);
    if (entries.size === 0) return;
    const settled = this.#confirmations.begin();
    const outcomes = new Map<WorkAction, Outcome>();
    for (const [action, named] of entries)
      settleAt(this.#consumer, action, named, message, (result) => {
        // It is unknown whether the entries are settled: those that are not are delivered again.
        if (result instanceof GatewayError) this.end(result);
        else if (outcomes.set(action, result).size === entries.size) settled(outcomes);
      });
  }

  #grant(permits: number): void {
    if (this.#parameters.permits > 0)
      throw new GatewayError(
        "BAD_PAYLOAD",
        "the message must not have permits, unless the parameter permits is 0",
      );
    if (this.#consumer === undefined) this.#early += permits;
    else this.#consumer.grant(permits);
  }

  #confirm(outcomes: Outcomes): void {
    if (!this.#parameters.confirm) return;
    const counts: Record<string, number> = {};
    const late: EntryName[] = [];
    for (const [action, outcome] of outcomes) {
      counts[action] = outcome.settled;
      for (const entry of outcome.late) late.push(formatEntry(entry, this.#work));
    }
    this.#output.notify({ done: { counts, late } });
    if (this.#sink.isFull()) this.#unread.pause();
  }
}

/** Settles entries of a consumer; before it is open, it holds none. */
function settleAt(
  consumer: Consumer | undefined,
  action: WorkAction,
  entries: readonly NamedEntry[],
  { delayMs, reason }: Settlement,
  done: OnOutcome,
): void {
  if (consumer === undefined) done({ settled: 0, late: entries });
  else if (action === "ack") consumer.ack(entries, done);
  else if (action === "nack") consumer.nack(entries, delayMs, done);
  else if (action === "term") consumer.term(entries, reason, done);
  else consumer.progress(entries, done);
}
