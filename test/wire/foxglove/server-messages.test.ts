import { FoxgloveClient } from "@foxglove/ws-protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import { logTimeOf } from "../../../src/wire/foxglove/log-time.ts";
import {
  encodePlaybackState,
  encodeTime,
  messageHeads,
  PLAYBACK_STATUSES,
  timeObject,
} from "../../../src/wire/foxglove/server-messages.ts";
import { entryId } from "../../support/data/arbitraries.ts";

const ID = "1764378000123-4" as EntryId;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
/** 1,764,378,000,123,000,004 in eight bytes. */
const TIME_HEX = (() => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(1_764_378_000_123_000_004n);
  return bytes.toString("hex");
})();

test("literal bytes of every binary message", () => {
  expect(hex(messageHeads(0x01020304)(ID))).toBe(`0104030201${TIME_HEX}`);
  expect(hex(messageHeads(0)("0-1" as EntryId))).toBe("01000000000100000000000000");
  expect(hex(encodeTime(258n))).toBe("020201000000000000");
  const state = { status: "ended", time: 258n, speed: 1.5, didSeek: true, requestId: "" } as const;
  expect(hex(encodePlaybackState(state))).toBe("050302010000000000000000c03f0100000000");
  expect(hex(encodePlaybackState({ ...state, status: "playing", didSeek: false, requestId: "ab" }))).toBe(
    "050002010000000000000000c03f00020000006162",
  );
  expect(PLAYBACK_STATUSES.map((status) => encodePlaybackState({ ...state, status })[1])).toEqual([
    0, 1, 2, 3,
  ]);
});

test("states times in seconds and nanoseconds", () => {
  expect(timeObject({ seconds: 5, nanos: 7 })).toEqual({ sec: 5, nsec: 7 });
});

/** Passes messages to Foxglove's own client library. */
function receive(message: Uint8Array): unknown {
  const socket: ConstructorParameters<typeof FoxgloveClient>[0]["ws"] = {
    binaryType: "",
    protocol: "",
    onerror: null,
    onopen: null,
    onclose: null,
    onmessage: null,
    close: () => undefined,
    send: () => undefined,
  };
  let received: unknown;
  const client = new FoxgloveClient({ ws: socket });
  client.on("message", (event) => {
    received = {
      ...event,
      data: hex(new Uint8Array(event.data.buffer, event.data.byteOffset, event.data.byteLength)),
    };
  });
  client.on("time", (event) => {
    received = event;
  });
  socket.onmessage?.({ data: message });
  return received;
}

test("Foxglove's client library reads messages and times", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31), entryId, fc.uint8Array({ maxLength: 20 }), (subscriptionId, id, payload) => {
      const message = Buffer.concat([messageHeads(subscriptionId)(id), payload]);
      expect(receive(message)).toEqual({
        op: 1,
        subscriptionId,
        timestamp: logTimeOf(id),
        data: hex(payload),
      });
      expect(receive(encodeTime(logTimeOf(id)))).toEqual({ op: 2, timestamp: logTimeOf(id) });
    }),
  );
});
