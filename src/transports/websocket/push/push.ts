/** Route `/data/{stream_id}/push`: stores the entries that a client sends (docs/protocol.md, "WebSocket push"). */
import type { DeviceConnection } from "../../../devices/presence.ts";
import { DEFAULT_DEVICE } from "../../../domain/streams/stream-name.ts";
import { statusOf } from "../../../wire/notices/status-notice.ts";
import type { ParametersOf } from "../../request/parameters/parameters.ts";
import { readParameters } from "../../request/query.ts";
import type { ByteSink } from "../../response/byte-sink.ts";
import { createClientSink } from "../../response/client-sink.ts";
import { createFrameWriter } from "../../websocket-protocol/frames/frame-writer.ts";
import { createPauseReasons } from "../../websocket-protocol/pause-reasons.ts";
import type { ServerWebSocket } from "../../websocket-protocol/socket.ts";
import type { ServedSocket, SocketRequest } from "../../websocket-protocol/upgrade-route.ts";
import type { DataParts } from "../parts.ts";
import { createMessageQueue } from "./message-queue.ts";
import { createPushBatches } from "./push-batches.ts";
import { createMessageHandling, readPushFormat } from "./push-messages.ts";

/** Approximate size of a notice of `status=1`, in bytes. */
const STATUS_BYTES = 100;

/** Serves a pushing socket. @throws GatewayError if a parameter is invalid */
export function servePush(request: SocketRequest, parts: DataParts): ServedSocket {
  const { webSocket, socket, search, session } = request;
  const { streams, access, payloadPool, config } = parts;
  const parameters = readParameters("push", search, config);
  const format = readPushFormat(request, parameters, parts);
  const sink = createClientSink(socket, session.visitor, parts, false);
  const stopStatus = parameters.status ? reportStatus(sink, parts) : undefined;
  const attendance = attend(webSocket, parameters, parts);
  const pauseReason = createPauseReasons(webSocket);
  const unreadAcks = pauseReason();
  const inFlight = parts.pushGate.open(pauseReason(), access.memory.receive("append", session.visitor));
  const batches = createPushBatches({
    webSocket,
    sink,
    turnEnd: streams.turnEnd,
    payloadPool,
    inFlight,
    unreadAcks,
    wantsAck: parameters.ack,
  });
  const messages = createMessageQueue({
    ...createMessageHandling(format, batches, request, parts),
    hold: inFlight.add,
    letGo: inFlight.remove,
    reading: pauseReason(),
  });

  return {
    message(bytes, isBinary, memory) {
      attendance?.touch();
      messages.add({ bytes, isBinary, memory });
    },
    pong: () => attendance?.touch(),
    closed() {
      stopStatus?.();
      inFlight.close();
      attendance?.close();
    },
    end: batches.end,
  };
}

/** Reports when Redis becomes unavailable and when it is available again. @returns a function that stops the reports */
function reportStatus(sink: ByteSink, { streams: { availability } }: DataParts): () => void {
  const report = (unavailableSince: Date | undefined): void => {
    const out = createFrameWriter(STATUS_BYTES);
    out.text(JSON.stringify(statusOf(unavailableSince)));
    sink.write(out.take());
  };
  const unavailableSince = availability.unavailableSince();
  if (unavailableSince !== undefined) report(unavailableSince);
  return availability.watch(report);
}

/** Marks the device of a socket as connected, if the client requests it or `DEVICE_PRESENCE` is `auto`. */
function attend(
  webSocket: ServerWebSocket,
  { presence: isGiven, device_id: device = DEFAULT_DEVICE }: ParametersOf<"push">,
  { streams: { presence }, config }: DataParts,
): DeviceConnection | undefined {
  const isWanted = isGiven ?? config.devicePresence === "auto";
  // Without a device prefix, keys belong to no device.
  if (!isWanted || config.noDevicePrefix || device === "") return undefined;
  const attendance = presence.open(device, () => {
    // A paused socket cannot receive a pong, so its device counts as connected.
    if (webSocket.isPaused()) attendance.touch();
    else webSocket.ping();
  });
  return attendance;
}
