import fc from "fast-check";
import { expect, test } from "vitest";
import { GatewayError } from "../../../src/domain/errors.ts";
import { readBinaryMessage, readTextMessage } from "../../../src/wire/foxglove/client-messages.ts";
import { anyString } from "../../support/data/any-string.ts";

const text = (message: unknown) => readTextMessage(JSON.stringify(message));
const binary = (hex: string) => readBinaryMessage(Buffer.from(hex, "hex"));

test("reads text messages", () => {
  const subscriptions = [{ id: 0, channelId: 4_294_967_295 }];
  expect(text({ op: "subscribe", subscriptions })).toEqual({ op: "subscribe", subscriptions });
  expect(text({ op: "unsubscribe", subscriptionIds: [1, 2] })).toEqual({
    op: "unsubscribe",
    subscriptionIds: [1, 2],
  });
  const channel = { id: 1, topic: "/cmd_vel", encoding: "json" };
  expect(text({ op: "advertise", channels: [{ ...channel, schemaName: "Twist" }] })).toEqual({
    op: "advertise",
    channels: [channel],
  });
  expect(text({ op: "unadvertise", channelIds: [] })).toEqual({ op: "unadvertise", channelIds: [] });
});

test("reads literal bytes", () => {
  expect(binary("01040302017b7d")).toEqual({
    op: "message",
    channelId: 0x01020304,
    payload: Buffer.from("{}"),
  });
  expect(binary("0300000000400102010000000000000200000061 62".replace(" ", ""))).toEqual({
    op: "control",
    control: { command: "play", speed: 2, seekTime: 258n, requestId: "ab" },
  });
  expect(binary("03010000803f00000000000000000000000000")).toEqual({
    op: "control",
    control: { command: "pause", speed: 1, seekTime: undefined, requestId: "" },
  });
});

test.each([
  ["no JSON", "{", /JSON object/],
  ["a list", "[]", /JSON object/],
  ["no op", "{}", /op must be .*, got none/],
  ["an unknown op", '{"op":"getParameters"}', /op must be .*, got "getParameters"/],
  ["no list", '{"op":"subscribe"}', /subscriptions must be a list/],
  ["a negative id", '{"op":"unsubscribe","subscriptionIds":[-1]}', /between 0 and 4294967295, got -1/],
  ["a fraction", '{"op":"unadvertise","channelIds":[0.5]}', /got 0.5/],
  ["a missing channel", '{"op":"subscribe","subscriptions":[{"id":1}]}', /4294967295, got none/],
  ["a subscription that is none", '{"op":"subscribe","subscriptions":[7]}', /an id and a channelId, got 7/],
  ["no topic", '{"op":"advertise","channels":[{"id":1,"encoding":"json"}]}', /topic and an encoding/],
])("rejects text with %s", (_what, message, error) => {
  expect(() => readTextMessage(message)).toThrow(error);
});

test.each([
  ["no bytes", "", /must begin with 01 or 03, got no bytes/],
  ["an unknown opcode", "02", /got 2/],
  ["short data", "01000000", /at least 5 bytes, got 4/],
  ["a short control", "03000000803f", /at least 19 bytes, got 6/],
  ["an unknown command", "03020000803f00000000000000000000000000", /got 2/],
  ["a speed that is not a number", "03000000c07f00000000000000000000000000", /got NaN/],
  ["a request id that is too short", "03000000803f00000000000000000001000000", /a length of 1/],
  ["a request id that is not UTF-8", "03000000803f00000000000000000001000000ff", /UTF-8/],
])("rejects binary messages with %s", (_what, message, error) => {
  expect(() => binary(message)).toThrow(error);
});

test("fuzzed messages are read, or rejected with BAD_PAYLOAD", () => {
  const read = (parse: () => unknown) => {
    try {
      parse();
    } catch (error) {
      expect(error).toBeInstanceOf(GatewayError);
      expect(["BAD_PAYLOAD", "TOO_LARGE", "BAD_HEADER"]).toContain((error as GatewayError).code);
    }
  };
  const head = fc.constantFrom([1], [3], [3, 0], [3, 1], []);
  fc.assert(
    fc.property(head, fc.uint8Array({ maxLength: 30 }), (start, rest) =>
      read(() => readBinaryMessage(Uint8Array.from([...start, ...rest]))),
    ),
  );
  const op = fc.constantFrom("subscribe", "unsubscribe", "advertise", "unadvertise", "x");
  fc.assert(
    fc.property(op, fc.jsonValue(), (one, value) => {
      read(() =>
        text({ op: one, subscriptions: value, subscriptionIds: value, channels: value, channelIds: value }),
      );
      read(() =>
        text({
          op: one,
          subscriptions: [value],
          subscriptionIds: [value],
          channels: [value],
          channelIds: [value],
        }),
      );
    }),
  );
  fc.assert(fc.property(anyString(), (any) => read(() => readTextMessage(any))));
});
