import { once } from "node:events";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { drained } from "../../../bench/load/drain.ts";
import { entryNumber, filler, STAMP_BYTES } from "../../../bench/load/entry.ts";
import { createSamples } from "../../../bench/load/measurement/statistics.ts";
import { openWorkspace } from "../../../bench/load/processes/workspace.ts";
import { openNats } from "../../../bench/reference/nats/connection.ts";
import {
  createJetStream,
  deleteJetStream,
  storedInJetStream,
} from "../../../bench/reference/nats/jetstream.ts";
import { openNatsPusher } from "../../../bench/reference/nats/pusher.ts";
import { openNatsReader } from "../../../bench/reference/nats/reader.ts";
import { startNats } from "../../../bench/reference/nats/server.ts";

let port = 0;

beforeAll(async () => {
  const { children } = openWorkspace("nats-test");
  const server = await startNats(children);
  port = server.port;
  return () => server.stop();
});

test("delivers every entry in order to several readers", async () => {
  const latencies = createSamples();
  const readers = [
    await openNatsReader(port, "ordered", latencies),
    await openNatsReader(port, "ordered", latencies),
  ];
  const pusher = await openNatsPusher(port, "ordered", 100);
  onTestFinished(() => {
    for (const one of [...readers, pusher]) one.close();
  });
  for (const count of [1, 600, 1, 256]) pusher.push(count);
  await drained(
    () => {
      for (const one of [...readers, pusher]) one.check();
      return readers.every((reader) => reader.entries === pusher.pushed);
    },
    () => `${readers.map((reader) => reader.entries)} of ${pusher.pushed}`,
  );
  expect(pusher.pushed).toBe(858);
  expect(latencies.count).toBe(2 * 858);
  expect(latencies.percentile(0)).toBeGreaterThan(0);
});

test.each([12, 101, 300, 100_000])("sends entries of %d bytes that another client reads", async (bytes) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  // nats-server answers a close frame with a status that is invalid.
  onTestFinished(() => socket.terminate());
  await once(socket, "open");
  let received = Buffer.alloc(0);
  socket.on("message", (data: Buffer) => {
    received = Buffer.concat([received, data]);
  });
  socket.send(`CONNECT {"verbose":false}\r\nSUB bytes.${bytes} 1\r\nPING\r\n`);
  await drained(
    () => received.includes("PONG\r\n"),
    () => received.toString("latin1", 0, 200),
  );
  received = Buffer.alloc(0);

  const pusher = await openNatsPusher(port, `bytes.${bytes}`, bytes);
  onTestFinished(() => pusher.close());
  pusher.push(20);
  const line = `MSG bytes.${bytes} 1 ${bytes}\r\n`;
  const unit = line.length + bytes + 2;
  await drained(
    () => received.length >= 20 * unit,
    () => `${received.length} of ${20 * unit} bytes`,
  );
  expect(received.length).toBe(20 * unit);
  for (let i = 0; i < 20; i++) {
    const message = received.subarray(i * unit, (i + 1) * unit);
    expect(message.toString("latin1", 0, line.length)).toBe(line);
    const entry = message.subarray(line.length, -2);
    expect(entryNumber(entry, 0)).toBe(i);
    expect(entry.subarray(STAMP_BYTES).equals(filler(bytes).subarray(STAMP_BYTES))).toBe(true);
  }
});

test("counts the acknowledgements of entries that JetStream has stored", async () => {
  await createJetStream(port, "stored", -1);
  const pusher = await openNatsPusher(port, "stored", 100, () => {});
  onTestFinished(() => pusher.close());
  pusher.push(500);
  await drained(
    () => {
      pusher.check();
      return pusher.acknowledged === 500;
    },
    () => `${pusher.acknowledged} of 500`,
  );
  expect(await storedInJetStream(port, "stored")).toBe(500);
  await deleteJetStream(port, "stored");
  await expect(storedInJetStream(port, "stored")).rejects.toThrow("stream not found");
});

test("fails if JetStream rejects an entry", async () => {
  await createJetStream(port, "full", 1, { discard: "new" });
  const pusher = await openNatsPusher(port, "full", 100, () => {});
  onTestFinished(() => pusher.close());
  pusher.push(2);
  await expect(
    drained(
      () => {
        pusher.check();
        return pusher.acknowledged === 2;
      },
      () => "nothing failed",
    ),
  ).rejects.toThrow("expected an acknowledgement");
  await deleteJetStream(port, "full");
});

test("reports errors of the server", async () => {
  const connection = await openNats({ port, message: () => {} });
  onTestFinished(() => connection.close());
  connection.send("NONSENSE\r\n");
  await drained(
    () => {
      try {
        connection.check();
        return false;
      } catch (error) {
        expect((error as Error).message).toContain("Unknown Protocol Operation");
        return true;
      }
    },
    () => "no error",
  );
});
