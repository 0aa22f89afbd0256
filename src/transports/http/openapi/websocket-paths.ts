/** WebSocket routes in the OpenAPI document: the GET of the handshake, with the messages in the description. */
import { parametersOf, queryOf } from "./parameters.ts";
import type { Operation, Paths } from "./paths.ts";
import { problem, SOCKET } from "./responses.ts";
import { pathParameter } from "./schemas.ts";

const PUSH: Operation = {
  tags: ["websocket"],
  summary: "Push entries over a WebSocket",
  description: [
    "Connect with `ws://`. With `header=1` each batch is a JSON text header and one binary payload. The header is",
    "`[end, …]`, `[[stream_id, end], …]`, `[[stream_id, entry_id, end], …]`, or `[]` for one entry. With `header=0` each message",
    "is one entry. With `ack=1` the server answers each batch with the JSON list of its entry ids; an entry that is rejected has",
    '`{"error": …}` in its place. Without acks a rejection closes the connection.',
  ].join("\n"),
  parameters: parametersOf("push"),
  responses: SOCKET,
};

const PULL: Operation = {
  tags: ["websocket"],
  summary: "Pull entries over a WebSocket",
  description: [
    "Connect with `ws://`. With `header=1` each payload is a JSON text header `[[stream_id, entry_id, offset], …]` and one binary",
    "message with the entries end to end; when `block` ms pass without an entry, the pair is empty. With `header=0` each entry is",
    "one binary message. A slow client, or one that reconnects with its cursor, misses no entry.",
  ].join("\n"),
  parameters: parametersOf("pull"),
  responses: SOCKET,
};

const FOXGLOVE: Operation = {
  tags: ["websocket"],
  summary: "Show streams in Foxglove and Lichtblick",
  description: [
    "Connect with `ws://` and the subprotocol `foxglove.sdk.v1` or `foxglove.websocket.v1`. Each stream that the client may read",
    "is a channel with the topic `/{device}/{stream}`, in the Foxglove WebSocket protocol.",
  ].join("\n"),
  parameters: queryOf("foxglove"),
  responses: { ...SOCKET, "400": problem("The handshake offers no subprotocol of Foxglove.") },
};

const DEVICE = pathParameter("device", "Device whose streams are shown. `*` in it makes a pattern.");

/** Paths of the WebSocket routes. */
export const WEBSOCKET_PATHS: Paths = {
  "/data/{stream_id}/push": { get: PUSH },
  "/data/{stream_id}/pull": { get: PULL },
  "/foxglove": { get: FOXGLOVE },
  "/foxglove/{device}": {
    get: {
      ...FOXGLOVE,
      summary: "Show the streams of a device in Foxglove and Lichtblick",
      parameters: [DEVICE, ...queryOf("foxglove")],
    },
  },
};
