/** Patterns with many long names: event ids, and the list of `joins=1`, do not multiply the memory of clients that do not read. */
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { openAnswer, request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { type EventReader, readEvents } from "../../../support/clients/sse.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";
import { until } from "../../../support/until.ts";

const MIB = 1024 * 1024;
const { redis, gateway } = await openOwnGateway({ TOTAL_ANSWER_BYTES: "16m", MEMORY_WAIT_MS: "300" });

let sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
});

async function append(device: string, entries: readonly (readonly [string, null, string])[]): Promise<void> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify(entries);
  const answer = await request(`${gateway.http}/data/q?device_id=${device}`, {
    method: "POST",
    body,
    headers,
  });
  expect(answer.status).toBe(200);
}

/** Creates streams with long names. */
const createStreams = (device: string, count: number, nameOf: (i: number) => string) =>
  append(
    device,
    Array.from({ length: count }, (_, i) => [nameOf(i), null, "old"] as const),
  );

/** Opens a connection that does not read. */
function openSilent(path: string, headers: readonly string[] = []): void {
  const { port, hostname: host } = new URL(gateway.http);
  const socket = connect({ port: Number(port), host });
  socket.on("error", () => undefined);
  socket.pause();
  sockets.push(socket);
  socket.write([`GET ${path} HTTP/1.1`, "Host: localhost", ...headers, "", ""].join("\r\n"));
}

async function metric(name: string): Promise<number> {
  const { text } = await request(`${gateway.http}/metrics`);
  return Number(new RegExp(`^redis_streamer_${name} (\\d+)$`, "m").exec(text)?.[1] ?? Number.NaN);
}

describe("events", () => {
  const ENTRIES = 500;
  const ticks = (from: number, streams = 1) =>
    Array.from({ length: ENTRIES }, (_, i) => [`tick-${i % streams}`, null, `${from + i}`] as const);
  const numbers = (from: number) => Array.from({ length: ENTRIES }, (_, i) => from + i);
  const longIds = (device: string) => createStreams(device, 40, (i) => `${i}${"n".repeat(1000)}`);

  /** Reads events up to a number of entries, and returns the numbers in them. */
  async function read(events: EventReader, count = ENTRIES): Promise<number[]> {
    const seen: number[] = [];
    while (seen.length < count) {
      const event = await events.next();
      if (event === undefined) break;
      if (event.event.startsWith("tick")) seen.push(Number(event.data));
    }
    return seen;
  }

  test.each([
    ["live entries", "live", "", false],
    ["history", "history", "&last_entry_id=0", true],
    ["a playback", "played", "&rate=0", true],
  ])("%s: a client that does not read holds few bytes", async (_, device, query, isStored) => {
    await longIds(device);
    if (isStored) await append(device, ticks(0));
    const before = await metric("slow_pauses_total");
    openSilent(`/data/*/events?device_id=${device}${query}`);
    await until("the client is connected", async () => (await metric('connections{kind="events"}')) === 1);
    if (!isStored) await append(device, ticks(0));
    let max = 0;
    await until("the client is slow", async () => {
      max = Math.max(max, await metric('memory_bytes{use="unread"}'));
      return (await metric("slow_pauses_total")) > before;
    });
    max = Math.max(max, await metric('memory_bytes{use="unread"}'));
    expect(max).toBeLessThan(MIB);
  });

  test("a client receives each entry once, although its frames are divided", async () => {
    await longIds("once");
    await append("once", ticks(0, 3));
    await using answer = await openAnswer(`${gateway.http}/data/*/events?device_id=once&last_entry_id=0`);
    const events = readEvents(answer);
    const stored = await read(events);
    expect(stored.toSorted((a, b) => a - b)).toEqual(numbers(0));
    await append("once", ticks(ENTRIES));
    expect(await read(events)).toEqual(numbers(ENTRIES));
  });

  test("a playback sends each entry once, although its frames are divided", async () => {
    await longIds("play");
    await append("play", ticks(0, 3));
    await using answer = await openAnswer(`${gateway.http}/data/*/events?device_id=play&rate=0`);
    const played = await read(readEvents(answer));
    expect(played.toSorted((a, b) => a - b)).toEqual(numbers(0));
  });

  test("latest sends the newest entry of each stream, although they need several frames", async () => {
    await longIds("latest");
    await using answer = await openAnswer(
      `${gateway.http}/data/*/events?device_id=latest&latest=1&last_entry_id=0`,
    );
    const events = readEvents(answer);
    const names = new Set<string>();
    while (names.size < 40) {
      const event = await events.next();
      if (event === undefined) break;
      expect(event.data).toBe("old");
      names.add(event.event);
    }
    expect(names.size).toBe(40);
  });

  test("streams that leave add no ids to what a slow client has not read", async () => {
    await longIds("leaving");
    await append("leaving", ticks(0, 200));
    const path = "/data/*/events?device_id=leaving&last_entry_id=0";
    const before = await metric("slow_pauses_total");
    openSilent(path);
    await until("the client is slow", async () => (await metric("slow_pauses_total")) > before);
    await using answer = await openAnswer(gateway.http + path);
    const events = readEvents(answer);
    await read(events);
    await redis.control.call("DEL", ...Array.from({ length: 200 }, (_, i) => `leaving:tick-${i}`));
    for (let left = 0; left < 200; ) if ((await events.next())?.event === "left") left++;
    expect(await metric('memory_bytes{use="unread"}')).toBeLessThan(MIB);
  });
});

describe("pull with joins=1", () => {
  const WEBSOCKET = [
    ...["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ];
  const path = "/data/*/pull?device_id=listed&format=json&joins=1";

  test("the list of the streams is complete, and counts as memory of a client that does not read", async () => {
    await createStreams("listed", 990, (i) => `${i}-${"\u0001".repeat(1000)}`);
    await using socket = await connectSocket(gateway.ws + path);
    const { streams } = JSON.parse(await socket.text()) as { streams: [string, string][] };
    expect(streams.length).toBe(990);
    for (let i = 0; i < 20; i++) openSilent(path, WEBSOCKET);
    await until(
      "a connection finds no memory",
      async () => (await metric('memory_rejections_total{use="answer"}')) > 0,
    );
    await using another = await connectSocket(gateway.ws + path);
    expect(await another.closed).toEqual({ code: 1013, reason: expect.stringMatching(/^OVERLOADED/) });
    // Half of the total is the share of one client, which a single list may exceed.
    expect(await metric('memory_bytes{use="unread"}')).toBeLessThan(16 * MIB);
  });
});
