/**
 * Naive relay: the obvious first implementation with the same WebSocket library, as the reference for the gateway's
 * fan-out. A room is a list of sockets in memory, and each message is sent to all of them, without storage or limits.
 *
 * It serves the gateway's paths /data/{stream_id}/push and /data/{stream_id}/pull, both with header=0 only.
 * Usage: naive-relay.js <port>
 */
import { createServer } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";

const rooms = new Map<string, Set<WebSocket>>();

const roomOf = (stream: string): Set<WebSocket> => {
  const room = rooms.get(stream) ?? new Set<WebSocket>();
  rooms.set(stream, room);
  return room;
};

const http = createServer((request, response) => {
  response.writeHead(request.url === "/readyz" ? 200 : 404).end();
});
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });

sockets.on("connection", (socket, request) => {
  const [, stream, verb] = /^\/data\/([^/]+)\/(push|pull)/.exec(request.url ?? "") ?? [];
  if (stream === undefined) return socket.close(1008, "no such path");
  const room = roomOf(stream);
  socket.on("error", () => socket.terminate());
  if (verb === "push") {
    socket.on("message", (data) => {
      for (const client of room) client.send(data, { binary: true });
    });
  } else {
    room.add(socket);
    socket.on("close", () => room.delete(socket));
  }
});

http.listen(Number(process.argv[2]), "127.0.0.1");
