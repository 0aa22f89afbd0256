/** Byte sink to one client, with the high-water mark and the memory budget of the gateway. */
import type { Visitor } from "../../access/admission.ts";
import type { TransportParts } from "../parts.ts";
import { type ByteSink, type ByteSinkOptions, createByteSink } from "./byte-sink.ts";

/** Creates the sink of a client. Its bytes count as sent to subscriptions, unless `isCounted` is false. */
export const createClientSink = (
  stream: ByteSinkOptions["stream"],
  visitor: Visitor,
  { streams, access, observe, config }: TransportParts,
  isCounted = true,
): ByteSink =>
  createByteSink({
    stream,
    highWaterBytes: config.sendHighWaterBytes,
    turnEnd: streams.turnEnd,
    onBytes(bytes) {
      if (isCounted) observe.counters.bytesSent += bytes;
    },
    openLease: () => access.memory.answer("unread", visitor),
  });
