import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { namingOf, parseStreamIds, withoutRepeats } from "../../../src/domain/streams/stream-name.ts";
import { streamName } from "../../support/data/arbitraries.ts";
import { rejectionOf } from "../../support/rejection.ts";

// cspell:ignore ümläut bcamera éééé ééééssssssss

describe("stream key `{device_id}:{prefix}{stream_id}`", () => {
  const key = (device: string | undefined, prefix: string, noDevicePrefix = false) =>
    namingOf({ device, prefix, noDevicePrefix, maxNameBytes: 1024 }).keyOf("camera");

  test("uses device `default` if the request names none", () => {
    expect(key(undefined, "")).toBe("default:camera");
    expect(key("default", "")).toBe("default:camera");
  });

  test("joins device and prefix", () => {
    expect(key("robot", "")).toBe("robot:camera");
    expect(key("robot", "raw:")).toBe("robot:raw:camera");
    expect(key(undefined, "raw:")).toBe("default:raw:camera");
    expect(key("ümläut", "a b")).toBe("ümläut:a bcamera");
  });

  test("uses the stream id as the key if the device is empty", () => {
    expect(key("", "")).toBe("camera");
    expect(key("", "raw:")).toBe("raw:camera");
  });

  test("ignores `device_id` with `DISABLE_MULTI_DEVICE_PREFIXING=1`", () => {
    expect(key(undefined, "", true)).toBe("camera");
    expect(key("", "", true)).toBe("camera");
    expect(key("robot", "", true)).toBe("camera");
    expect(key("robot", "raw:", true)).toBe("raw:camera");
  });

  test("strips device and prefix from the name that the client receives", () => {
    const naming = namingOf({ device: "robot", prefix: "raw:", noDevicePrefix: false, maxNameBytes: 1024 });
    expect(naming.labelOf("camera")).toBe("camera");
  });

  test("keeps the device with `keep_device_id_in_stream_id`, if there is one", () => {
    const kept = { prefix: "raw:", keepDevice: true };
    expect(
      namingOf({ device: "robot", noDevicePrefix: false, maxNameBytes: 1024, ...kept }).labelOf("camera"),
    ).toBe("robot:camera");
    expect(
      namingOf({ device: undefined, noDevicePrefix: false, maxNameBytes: 1024, ...kept }).labelOf("camera"),
    ).toBe("default:camera");
    expect(
      namingOf({ device: "", noDevicePrefix: false, maxNameBytes: 1024, ...kept }).labelOf("camera"),
    ).toBe("camera");
    expect(
      namingOf({ device: "robot", noDevicePrefix: true, maxNameBytes: 1024, ...kept }).labelOf("camera"),
    ).toBe("camera");
  });

  test("property: different streams of one request never share a key", () => {
    fc.assert(
      fc.property(streamName, streamName, streamName, fc.string(), (device, a, b, prefix) => {
        const naming = namingOf({ device, prefix, noDevicePrefix: false, maxNameBytes: 1024 });
        expect(naming.keyOf(a) === naming.keyOf(b)).toBe(a === b);
      }),
    );
  });
});

describe("the stream ids of a path", () => {
  test.each([
    ["camera", ["camera"]],
    ["a+b", ["a", "b"]],
    ["a+b+a", ["a", "b", "a"]],
    ["a%2Bb", ["a+b"]],
    ["a%2bb+c", ["a+b", "c"]],
    ["%2B", ["+"]],
    ["a b", ["a b"]],
    ["a%20b", ["a b"]],
    ["*", ["*"]],
    ["robot:camera", ["robot:camera"]],
    ["%C3%BC+%E9%9B%AA", ["ü", "雪"]],
    ["ü", ["ü"]],
  ])("%s", (segment, ids) => {
    expect(parseStreamIds(segment, 10)).toEqual(ids);
  });

  test("decodes `%2F` as a slash in a stream id", () => {
    expect(parseStreamIds("a%2Fb", 10)).toEqual(["a/b"]);
    expect(parseStreamIds("a%2fb%252F+c", 10)).toEqual(["a/b%2F", "c"]);
  });

  test.each(["", "+", "a+", "+a", "a++b"])("rejects %j: it contains an empty stream id", (segment) => {
    expect(rejectionOf(() => parseStreamIds(segment, 10))).toBe(
      "BAD_PARAMETER: stream_id must not contain an empty stream id",
    );
  });

  test.each(["%", "a%", "a%2", "%zz", "%ff", "%C3", "%ED%A0%80", "ok+%E0%A4%A"])(
    "%j cannot be decoded",
    (segment) => {
      expect(rejectionOf(() => parseStreamIds(segment, 10))).toBe(
        `BAD_PARAMETER: stream_id must be percent-encoded UTF-8, got "${segment.split("+").at(-1)}"`,
      );
    },
  );

  test("rejects more streams than the limit", () => {
    expect(parseStreamIds("a+b+c", 3)).toHaveLength(3);
    expect(rejectionOf(() => parseStreamIds("a+b+c", 2))).toBe(
      "BAD_PARAMETER: stream_id must name at most 2 streams, got 3",
    );
  });

  test("property: reads back percent-encoded ids that were joined", () => {
    const names = fc.array(streamName, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(names, (ids) => {
        expect(parseStreamIds(ids.map(encodeURIComponent).join("+"), 5)).toEqual(ids);
      }),
    );
  });
});

test("keeps the first occurrence of a stream that is named twice", () => {
  expect(withoutRepeats(["b", "a", "b", "c", "a"])).toEqual(["b", "a", "c"]);
  expect(withoutRepeats(["a"])).toEqual(["a"]);
});

const limited = { device: undefined, prefix: "", noDevicePrefix: false, maxNameBytes: 8 };

test.each([
  [
    "a device",
    () => namingOf({ ...limited, device: "d".repeat(9) }),
    "device_id must be at most 8 bytes, got 9",
  ],
  [
    "a prefix",
    () => namingOf({ ...limited, prefix: "é".repeat(5) }),
    "prefix must be at most 8 bytes, got 10",
  ],
  ["a stream id", () => namingOf(limited).keyOf("😀".repeat(3)), "stream_id must be at most 8 bytes, got 12"],
])("%s that is too long is rejected", (_, name, message) => {
  expect(name).toThrow(message);
});

test("accepts a name of as many bytes as the limit", () => {
  const naming = namingOf({ ...limited, device: "d".repeat(8), prefix: "éééé" });
  expect(naming.keyOf("s".repeat(8))).toBe("dddddddd:ééééssssssss");
});
