/** Errors state what is wrong, with the value, and what is allowed. A value that may be a secret is not repeated. */
import { expect, test } from "vitest";
import { shown } from "../../src/domain/shown.ts";
import { readRecordingRequest } from "../../src/transports/recordings/recording-request.ts";
import { readToken } from "../../src/transports/websocket/control.ts";
import { readTextMessage } from "../../src/wire/foxglove/client-messages.ts";
import { rejectionOf } from "../support/rejection.ts";

const recording = (body: unknown) => () => readRecordingRequest(JSON.stringify(body));
const viewer = (message: unknown) => () => readTextMessage(JSON.stringify(message));
const control = (text: string) => () => readToken(Buffer.from(text), false);

test.each([
  [
    () => readRecordingRequest("[1"),
    'BAD_BODY: the body must be a JSON object such as {"streams": ["cam-*"]}, got "[1"',
  ],
  [
    recording({ streams: ["a"], compression: "lz4" }),
    'BAD_PARAMETER: compression must be one of zstd, none, got "lz4"',
  ],
  [recording({ streams: 5 }), "BAD_PARAMETER: streams must be a list of stream ids or patterns, got 5"],
  [recording({ streams: ["a"], device: 5 }), "BAD_PARAMETER: device must be a string, got 5"],
  [
    recording({ streams: ["a"], notes: { n: 1 } }),
    'BAD_PARAMETER: notes must be an object of strings, such as {"driver": "Ada"}, got {"n":1}',
  ],
  [viewer({ op: "subscribe", subscriptions: 5 }), "BAD_PAYLOAD: subscriptions must be a list, got 5"],
  [
    viewer({ op: "advertise", channels: [{ id: 1 }] }),
    'BAD_PAYLOAD: an item of channels must have a topic and an encoding, both strings, got {"id":1}',
  ],
  [
    control('{"tokens": "secret"}'),
    'BAD_PAYLOAD: a control message must be {"token": "…"}, got the members ["tokens"]',
  ],
  [control('{"tok'), 'BAD_PAYLOAD: a control message must be {"token": "…"}, got invalid JSON'],
])("states the value and what is allowed (%#)", (read, text) => {
  expect(rejectionOf(read)).toBe(text);
});

test("shows values as JSON, cut if they are long", () => {
  expect(shown('a"b')).toBe('"a\\"b"');
  expect(shown(undefined)).toBe("none");
  expect(shown("x".repeat(100))).toBe(`"${"x".repeat(60)}"`);
  expect(shown(Array.from({ length: 100 }, () => 7))).toHaveLength(60);
});
