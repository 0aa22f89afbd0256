// cspell:ignore WEBPVP Efmt
import { encode } from "@msgpack/msgpack";
import { expect, test } from "vitest";
import { createPulledEntry } from "../../../client/reading/entry.ts";
import { codeLines } from "../../../console/tools/code-lines.tsx";
import {
  contentOf,
  numbersOf,
  parsedOf,
  scalarsOf,
  textOf,
  valueText,
} from "../../../console/viewers/content.ts";
import { hexText } from "../../../console/viewers/raw/hex.ts";
import { viewOf } from "../../../console/viewers/viewers.ts";

const entryOf = (data: Uint8Array | string) =>
  createPulledEntry(
    { stream: "s", id: "5-0", data: typeof data === "string" ? new TextEncoder().encode(data) : data },
    false,
  );

test.each([
  ["a JPEG", Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), "image"],
  ["a PNG", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), "image"],
  ["a WebP", "RIFF\0\0\0\0WEBPVP8 ", "image"],
  ["a WAV without samples", "RIFF\0\0\0\0WAVEfmt ", "raw"],
  ["JSON with numbers", '{"acc":{"x":1}}', "plot"],
  ["a number", "3.5", "plot"],
  ["JSON without numbers", '{"level":"info"}', "text"],
  ["text", "grüße\n", "text"],
  ["nothing", "", "text"],
  ["MessagePack with numbers", encode({ a: [1, "x"] }), "plot"],
  ["MessagePack without numbers", encode({ a: "x" }), "text"],
  ["a line of a log with numbers", '{"level":"warn","message":"not level","tilt":12}', "text"],
  ["readings with a message", '{"message":"ok","temperature":12}', "plot"],
  ["readings with a level", '{"level":3.2,"message":"water"}', "plot"],
  ["a state", '{"mode":"drive","light":false}', "states"],
  ["a state with its time", '{"timestamp":5,"status":"idle"}', "states"],
  ["a state with a reading", '{"status":"idle","voltage":12.1}', "plot"],
  ["words that are no state", '{"name":"rover","owner":"lab"}', "text"],
  ["samples", Uint8Array.of(0x01, 0x00, 0xff, 0x7f), "raw"],
])("selects the viewer for %s", (_what, data, view) => {
  expect(viewOf(entryOf(data))).toBe(view);
});

test.each([
  ["text/plain", '{"a":1}', "text"],
  ["application/json", '{"a":1}', "plot"],
  ["application/geo+json", '{"a":"x"}', "text"],
  ["application/msgpack", encode(["x"]), "text"],
  ["audio/L16;rate=16000", encode([1]), "audio"],
  ["image/jpeg", "hello", "text"],
  ["audio/wav", "hello", "text"],
  ["application/json", Uint8Array.of(0xff, 0xd8, 0xff), "image"],
  ["video/h264", Uint8Array.of(0, 0, 0, 1, 0x67), "video"],
  ["video/hevc", Uint8Array.of(0, 0, 1, 0x40), "video"],
  ["video/h264", Uint8Array.of(0x67, 0, 0, 1), "raw"],
  ["video/mp4", Uint8Array.of(0, 0, 0, 1), "raw"],
  ["nonsense", "5", "plot"],
])("a stream of %s", (contentType, data, view) => {
  expect(viewOf(entryOf(data), { contentType })).toBe(view);
  const fields = new Map([["content-type", new TextEncoder().encode(contentType)]]);
  const entry = createPulledEntry({ ...entryOf(data), fields }, false);
  if (!contentType.startsWith("audio/L16")) expect(viewOf(entry, { contentType: "image/png" })).toBe(view);
});

test("finds numbers by path, up to a depth and a count", () => {
  const entry = entryOf('{"t":1,"acc":{"x":2,"deep":{"y":3,"z":{"w":4}}},"list":[5,"six",null],"on":true}');
  expect([...numbersOf(entry)]).toEqual([
    ["t", 1],
    ["acc.x", 2],
    ["acc.deep.y", 3],
    ["list.0", 5],
  ]);
  expect([...numbersOf(entryOf("7"))]).toEqual([["value", 7]]);
  expect(numbersOf(entryOf(JSON.stringify(Array.from({ length: 1000 }, (_, i) => i)))).size).toBe(64);
});

test("formats MessagePack as JSON and replaces bytes by their size", () => {
  const packed = entryOf(encode({ data: Uint8Array.of(1, 2, 3), n: 1 }));
  expect(valueText(parsedOf(packed, "msgpack"), false)).toBe('{"data":"3 bytes","n":1}');
  expect(parsedOf(entryOf("{"), "json")).toBeUndefined();
  expect(textOf(entryOf(Uint8Array.of(0xc3)))).toBeUndefined();
});

test("formats bytes in hex: offset, bytes, characters", () => {
  expect(hexText(new TextEncoder().encode("0123456789abcdefXY\0"))).toBe(
    [
      "000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef",
      `000010  ${"58 59 00".padEnd(47)}  XY.`,
    ].join("\n"),
  );
});

test("quotes stream and device names in code samples", () => {
  const lines = new Map(codeLines({ stream: `a'"; rm`, device: "it's" }, "http://127.0.0.1:8000"));
  expect(lines.get("curl")).toBe(
    "curl -N 'http://127.0.0.1:8000/data/a%27%22%3B%20rm/events?device_id=it%27s&last_entry_id=0'",
  );
  expect(lines.get("JavaScript")).toContain(`.pull(["a'\\"; rm"], { device: "it's" })`);
  expect(lines.get("Python")).toContain('"http://127.0.0.1:8000/data/a%27%22%3B%20rm?device_id=it%27s&');
});

test("knows kinds apart that have the same viewer", () => {
  const kindOf = (data: Uint8Array | string) => contentOf(entryOf(data)).kind;
  expect(kindOf(encode({ a: "x" }))).toBe("msgpack");
  expect(kindOf('{"a":"x"}')).toBe("json");
  expect(kindOf("x")).toBe("text");
  expect(kindOf(Uint8Array.of(0x01, 0x00, 0xff))).toBe("binary");
});

test("plain Redis entries are records of a table, with numbers and booleans of their fields", () => {
  const fields = new Map(
    Object.entries({ speed: "3.5", state: "ok", armed: "true" }).map(([name, value]) => [
      name,
      new TextEncoder().encode(value),
    ]),
  );
  const plain = createPulledEntry({ stream: "s", id: "5-0", data: new Uint8Array(), fields }, false);
  expect(viewOf(plain)).toBe("table");
  expect([...scalarsOf(plain)]).toEqual([
    ["speed", 3.5],
    ["state", "ok"],
    ["armed", true],
  ]);
  expect([...numbersOf(plain)]).toEqual([["speed", 3.5]]);
});
