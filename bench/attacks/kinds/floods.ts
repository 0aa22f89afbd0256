/** Attacks that repeat one thing as fast as the gateway accepts it. */
import type { Attack, HostileClient } from "../hostile/attack.ts";
import { text } from "../hostile/frames.ts";

/** Duration (ms) of such an attack. */
export const FOR_MS = 3000;

/** Repeats `round` for a limited time. */
export const repeated = (
  name: string,
  round: (client: HostileClient) => Promise<void>,
  atMost = 5,
): Attack => ({
  name,
  atMost,
  async run(client) {
    for (const end = Date.now() + FOR_MS; Date.now() < end && !client.signal.aborted; ) await round(client);
  },
});

/** Opens a WebSocket and sends frames of `make` as fast as the gateway accepts them. */
export const flood = (
  name: string,
  path: string,
  make: (client: HostileClient) => Buffer,
  atMost = 4,
): Attack => ({
  name,
  atMost,
  async run(client) {
    const socket = client.connect();
    const protocol = path.startsWith("/graphql") ? { "Sec-WebSocket-Protocol": "graphql-transport-ws" } : {};
    socket.write(client.upgrade(path, protocol));
    await socket.received(/\r\n\r\n/, FOR_MS);
    if (path.startsWith("/graphql")) socket.write(text('{"type":"connection_init"}'));
    const bytes = make(client);
    for (const end = Date.now() + FOR_MS; Date.now() < end && !socket.isOver && !client.signal.aborted; ) {
      socket.write(bytes);
      await client.wait(20);
    }
  },
});

/** Joins the results of calls. */
export const times = (count: number, make: (i: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));
