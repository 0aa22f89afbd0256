/** Byte sink to one client, with the high-water mark and the memory budget of the gateway. */
import type { Visitor } from "../../access/admission.ts";
import type { MemoryLease } from "../../access/limits/memory-budget.ts";
import type { TransportParts } from "../parts.ts";
import { type ByteSink, type ByteSinkOptions, createByteSink, type TurnEnd } from "./byte-sink.ts";

/** Creates the sink of a client. Its bytes count as sent to subscriptions, unless `isCounted` is false. */
export const createClientSink = (
  stream: ByteSinkOptions["stream"],
  visitor: Visitor,
  parts: TransportParts,
  isCounted = true,
): ByteSink => createByteSink(new ClientSinkOptions(stream, visitor, parts, isCounted));

class ClientSinkOptions implements ByteSinkOptions {
  readonly stream: ByteSinkOptions["stream"];
  readonly highWaterBytes: number;
  readonly turnEnd: TurnEnd;
  readonly #visitor: Visitor;
  readonly #parts: TransportParts;
  readonly #isCounted: boolean;

  constructor(
    stream: ByteSinkOptions["stream"],
    visitor: Visitor,
    parts: TransportParts,
    isCounted: boolean,
  ) {
    this.stream = stream;
    this.highWaterBytes = parts.config.sendHighWaterBytes;
    this.turnEnd = parts.streams.turnEnd;
    this.#visitor = visitor;
    this.#parts = parts;
    this.#isCounted = isCounted;
  }

  onBytes(bytes: number): void {
    if (this.#isCounted) this.#parts.observe.counters.bytesSent += bytes;
  }

  openLease(): MemoryLease {
    return this.#parts.access.memory.answer("unread", this.#visitor);
  }
}
