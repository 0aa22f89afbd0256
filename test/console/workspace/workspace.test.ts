/** Presets, states and sides of the workspace, without a page. */
import { expect, test } from "vitest";
import { connectionState } from "../../../console/shell/connection.ts";
import { openSides } from "../../../console/shell/sides.ts";
import { DEMO_STREAM_NAMES, demoOffer } from "../../../console/workspace/demo.ts";
import { clockStatus, paneStatus } from "../../../console/workspace/pane-status.ts";
import { presetsOf } from "../../../console/workspace/presets.ts";
import { pushSamples } from "../../../console/workspace/push-samples.ts";
import { DEMO_STREAMS } from "../../../src/demo/demo-entries.ts";

const stream = (device: string | undefined, name: string, meta: unknown = null) => ({
  key: device === undefined ? name : `${device}:${name}`,
  device,
  stream: name,
  meta,
});

test("offers camera and IMU of a device, and everything of a device", () => {
  const presets = presetsOf([
    stream("rover", "front_camera"),
    stream("rover", "imu"),
    stream("rover", "log"),
    stream("rover", "boxes", { view: "boxes", of: "front_camera" }),
    stream("probe", "depth"),
    stream(undefined, "plain"),
    stream(undefined, "other"),
  ] as Parameters<typeof presetsOf>[0]);
  expect(presets.map(({ title }) => title)).toEqual([
    "Camera and IMU of rover",
    "Everything of rover",
    "All streams without a device",
  ]);
  expect(presets[0]?.keys).toEqual(["rover:front_camera", "rover:imu"]);
  // Boxes are shown over their picture.
  expect(presets[1]?.keys).toEqual(["rover:front_camera", "rover:imu", "rover:log"]);
  expect(presetsOf([])).toEqual([]);
});

test("what is not live never looks live", () => {
  const state = {
    mode: "live" as const,
    isStalled: false,
    isUnavailable: false,
    shownMs: 1000,
    nowMs: 2000,
  };
  expect(paneStatus(state)).toEqual({ look: "good", text: "live" });
  expect(paneStatus({ ...state, nowMs: 14_000 })).toEqual({ look: "calm", text: "no data for 13 s" });
  expect(paneStatus({ ...state, shownMs: undefined })).toEqual({ look: "calm", text: "no entry yet" });
  expect(paneStatus({ ...state, isStalled: true }).look).toBe("bad");
  expect(paneStatus({ ...state, isUnavailable: true }).look).toBe("good");
  expect(paneStatus({ ...state, isUnavailable: true, nowMs: 4000 }).look).toBe("bad");
  expect(paneStatus({ ...state, isUnavailable: true, shownMs: undefined, nowMs: 4000 }).look).toBe("bad");
  expect(clockStatus(state)).toEqual({ look: "good", text: "live" });
  expect(clockStatus({ ...state, isUnavailable: true })).toEqual({ look: "bad", text: "waiting" });
  expect(clockStatus({ ...state, nowMs: 14_000 })).toEqual({ look: "calm", text: "no data for 13 s" });
  for (const mode of ["paused", "past", "playing", "buffering"] as const) {
    expect(paneStatus({ ...state, mode, isUnavailable: true }).look).toBe("warn");
    expect(clockStatus({ ...state, mode, isUnavailable: true }).look).toBe("warn");
  }
});

test("offers to stop the demo device, and to play it again while its streams are listed", () => {
  expect(DEMO_STREAM_NAMES).toEqual(DEMO_STREAMS);
  const streams = DEMO_STREAM_NAMES.map((name) => stream("rover", name));
  const all = { identity: "key:one", permissions: ["write:rover:*", "write:r2:*"] };
  const ended = { isEnabled: true, device: undefined };
  expect(demoOffer({ isEnabled: true, device: "r2" }, all, streams)).toEqual({
    device: "r2",
    action: "stop",
  });
  expect(demoOffer(ended, all, streams)).toEqual({ device: "rover", action: "start" });
  // A device of the user that has the same name.
  expect(demoOffer(ended, all, streams.slice(1))).toBeUndefined();
  expect(demoOffer({ ...ended, isEnabled: false }, all, streams)).toBeUndefined();
  expect(demoOffer(undefined, all, streams)).toBeUndefined();
  const reader = { ...all, permissions: ["read:*"] };
  expect(demoOffer(ended, reader, streams)).toBeUndefined();
  expect(demoOffer({ isEnabled: true, device: "r2" }, reader, streams)).toBeUndefined();
});

test("states since when the gateway or Redis has been unavailable", () => {
  expect(connectionState(undefined, false)).toEqual({ look: "calm", text: "connecting" });
  expect(connectionState(undefined, true)).toEqual({ look: "good", text: "connected" });
  expect(connectionState({ what: "redis", message: "no", since: "11:31:04" }, true)).toEqual({
    look: "bad",
    text: "Redis unavailable since 11:31:04",
  });
});

test("a side is as the user left it; on a narrow page it covers the panes and is folded", () => {
  const stored = new Map<string, string>();
  const store = {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => void stored.set(name, value),
  };
  const first = openSides(store, 1440);
  expect([first.left.isOpen.value, first.right.isOpen.value]).toEqual([true, true]);
  first.right.toggle();
  first.left.width.value = 400;
  const second = openSides(store, 1440);
  expect([second.left.width.value, second.right.isOpen.value]).toEqual([400, false]);
  const narrow = openSides(store, 390);
  expect([narrow.left.isOpen.value, narrow.right.isOpen.value]).toEqual([false, false]);
  narrow.left.toggle();
  expect(openSides(store, 1440).left.isOpen.value).toBe(true);
  store.setItem("redis-streamer.side.left", "<b> 1e9");
  expect(openSides(store, 1440).left).toMatchObject({
    isOpen: { value: false },
    width: { value: 640 },
  });
});

test("offers commands that push a first entry, with a key where clients need one", () => {
  const textsOf = (hasLogin: boolean) => pushSamples("http://h:1/", hasLogin).map(({ text }) => text);
  for (const text of textsOf(false)) expect(text).toContain("http://h:1/data/my-stream");
  expect(textsOf(false).join()).not.toContain("YOUR_KEY");
  for (const text of textsOf(true)) expect(text).toContain("Bearer YOUR_KEY");
});
