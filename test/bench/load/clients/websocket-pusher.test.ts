import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import { openPusher } from "../../../../bench/load/clients/websocket-pusher.ts";
import { entryNumber, entrySentAt, filler, STAMP_BYTES } from "../../../../bench/load/entry.ts";

test.each([12, 100, 300, 100_000])(
  "sends entries of %d bytes with their number and time",
  async (entryBytes) => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    onTestFinished(() => server.close());
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const received: Buffer[] = [];
    const complete = new Promise<void>((resolve) => {
      server.on("connection", (socket) => {
        socket.on("message", (data) => {
          received.push(data as Buffer);
          if (received.length === 300) resolve();
        });
      });
    });

    const before = performance.now();
    const pusher = await openPusher({ port: address.port, path: "/data/any/push?header=0" }, entryBytes);
    onTestFinished(() => pusher.close());
    pusher.push(270);
    pusher.push(30);
    await complete;

    expect(received.map((entry) => entryNumber(entry, 0))).toEqual(Array.from({ length: 300 }, (_, i) => i));
    for (const entry of received) {
      expect(entry.subarray(STAMP_BYTES).equals(filler(entryBytes).subarray(STAMP_BYTES))).toBe(true);
      expect(entrySentAt(entry, 0)).toBeGreaterThanOrEqual(before);
      expect(entrySentAt(entry, 0)).toBeLessThanOrEqual(performance.now());
    }
  },
);
