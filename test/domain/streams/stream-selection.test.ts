import { describe, expect, test } from "vitest";
import { type SelectionOptions, selectStreams } from "../../../src/domain/streams/stream-selection.ts";
import { rejectionOf } from "../../support/rejection.ts";

const options = (more: Partial<SelectionOptions>): SelectionOptions => ({
  device: "rover",
  prefix: "",
  noDevicePrefix: false,
  maxNameBytes: 1024,
  ids: ["*"],
  exclude: [],
  isLiteral: false,
  ...more,
});
const selection = (more: Partial<SelectionOptions>) => selectStreams(options(more));
const namesOf = (more: Partial<SelectionOptions>, ...keys: readonly string[]) =>
  keys.map((key) => selection(more).pattern?.select(key)?.name);
const rejected = (more: Partial<SelectionOptions>) =>
  rejectionOf(() => selection(more)).replace("BAD_PARAMETER: ", "");

describe("a request without a pattern", () => {
  test("names its streams, each once", () => {
    expect(selection({ ids: ["cam", "imu", "cam"] })).toEqual({
      ids: 2,
      named: [
        { key: "rover:cam", name: "cam", position: 0 },
        { key: "rover:imu", name: "imu", position: 1 },
      ],
      pattern: undefined,
    });
  });

  test("takes an asterisk literally with pattern=0", () => {
    const { named, pattern } = selection({ ids: ["*"], device: "*", isLiteral: true });
    expect([named[0]?.key, pattern]).toEqual(["*:*", undefined]);
  });

  test("removes excluded names, and rejects a request without any stream left", () => {
    expect(selection({ ids: ["cam", "imu"], exclude: ["c*"] }).named.map(({ name }) => name)).toEqual([
      "imu",
    ]);
    expect(rejected({ ids: ["cam"], exclude: ["cam"] })).toMatch(/^exclude must not/);
  });
});

describe("a pattern for one device", () => {
  test("selects streams of that device by names without it", () => {
    expect(namesOf({ ids: ["cam-*"] }, "rover:cam-1", "rover:imu", "other:cam-1", "rover:cam-")).toEqual([
      "cam-1",
      undefined,
      undefined,
      "cam-",
    ]);
  });

  test("keeps named streams apart, and reports the first id that matches", () => {
    const { named, pattern } = selection({ ids: ["imu", "cam-*", "*"] });
    expect(named.map(({ key }) => key)).toEqual(["rover:imu"]);
    expect(["rover:cam-1", "rover:x", "rover:imu"].map((key) => pattern?.select(key)?.position)).toEqual([
      1, 2, 2,
    ]);
  });

  test("takes asterisks of device-independent parts literally", () => {
    expect(namesOf({ prefix: "a*:", ids: ["*"] }, "rover:a*:x", "rover:ab:x")).toEqual(["x", undefined]);
  });

  test("keeps the device in names on request", () => {
    expect(namesOf({ prefix: "raw:", keepDevice: true }, "rover:raw:cam")).toEqual(["rover:cam"]);
  });

  test("watches what the keys of the device begin with", () => {
    expect(selection({ ids: ["cam-*", "*-left"] }).pattern?.prefixes).toEqual(["rover:"]);
    expect(selection({ device: "", ids: ["cam*", "rover:c*", ":event:*"] }).pattern?.prefixes).toEqual([
      "cam",
      "rover:",
      ":event:",
    ]);
  });
});

describe("a pattern for several devices", () => {
  test("selects streams of every device by names with it", () => {
    const keys = ["rover:cam", "mast:cam", "mast:imu", "cam", ":event:cam"] as const;
    expect(namesOf({ device: "*", ids: ["cam"] }, ...keys)).toEqual([
      "rover:cam",
      "mast:cam",
      undefined,
      undefined,
      undefined,
    ]);
    expect(namesOf({ device: "r*", ids: ["*"] }, ...keys)).toEqual([
      "rover:cam",
      ...Array(4).fill(undefined),
    ]);
  });

  test("removes the prefix from names", () => {
    expect(namesOf({ device: "*", prefix: "raw/" }, "rover:raw/cam", "rover:cam")).toEqual([
      "rover:cam",
      undefined,
    ]);
  });

  test("excludes streams by id, and by device and id", () => {
    const exclude = ["*-debug", "mast:*"];
    expect(namesOf({ device: "*", exclude }, "rover:cam", "rover:cam-debug", "mast:cam")).toEqual([
      "rover:cam",
      undefined,
      undefined,
    ]);
  });

  test("does not exclude a device by a pattern without a colon", () => {
    expect(namesOf({ device: "*", exclude: ["r*"] }, "rover:cam", "rover:radar")).toEqual([
      "rover:cam",
      undefined,
    ]);
  });
});

test("selects keys of the gateway only by a pattern that begins with a colon", () => {
  expect(namesOf({ device: "", ids: ["*"] }, ":event:device.meta", "cam", "rover:cam")).toEqual([
    undefined,
    "cam",
    "rover:cam",
  ]);
  expect(namesOf({ device: "", ids: ["*", ":event:*"] }, ":event:device.meta")).toEqual([
    ":event:device.meta",
  ]);
  expect(namesOf({ noDevicePrefix: true, device: "*", ids: ["*"] }, ":event:x", "cam")).toEqual([
    undefined,
    "cam",
  ]);
});

test("rejects patterns that are too long, too many or too complex, by the name of the parameter", () => {
  expect(rejected({ ids: [`${"x".repeat(300)}*`] })).toMatch(
    /^stream_id pattern must have 1 to 256 characters/,
  );
  expect(rejected({ ids: ["x".repeat(10_000)] })).toMatch(/^stream_id must be at most 1024 bytes/);
  expect(rejected({ ids: ["*a".repeat(9)] })).toMatch(/^stream_id pattern must have at most 8 wildcards/);
  expect(rejected({ ids: ["a**"] })).toMatch(/^stream_id must not contain "\*\*"/);
  expect(rejected({ device: "**" })).toMatch(/^device_id must not contain/);
  expect(rejected({ exclude: ["**"] })).toMatch(/^exclude must not contain/);
  const many = Array.from({ length: 17 }, (_, i) => `${i}*`);
  expect(rejected({ ids: many })).toMatch(/^stream_id must have at most 16 patterns, got 17/);
  expect(rejected({ exclude: many })).toMatch(/^exclude must have at most 16 patterns, got 17/);
});
