import { expect, test } from "vitest";
import type { RecordingInfo } from "../../../client/browser.ts";
import { beginnings, cursorOf } from "../../../console/panels/recordings/beginning.ts";
import { playLines } from "../../../console/panels/recordings/play-lines.ts";
import { newestFirst, recordingFacts, recordingLook } from "../../../console/panels/recordings/recording.ts";
import { recordedStreams, sourceOf } from "../../../console/panels/recordings/source.ts";

const recording: RecordingInfo = {
  ...{ name: "run-1", state: "recording", reason: null, error: null },
  ...{ started: "2026-11-28T13:00:00.000Z", ended: null, from: null, to: null },
  ...{
    bytes: 1_500_000,
    entries: 1,
    gaps: 0,
    slowed: false,
    streams: ["rover:a", "rover:b"],
    streamsTotal: 2,
    newestGaps: [],
    files: [],
  },
  playback: null,
};

test("a recording that waits looks unlike one that records, and unlike one that is over", () => {
  const looks = [
    recording,
    { ...recording, error: "Redis is unavailable" },
    { ...recording, state: "stopped", reason: "maxBytes" } as const,
    { ...recording, state: "failed", error: "the disk is full" } as const,
  ].map(recordingLook);
  expect(looks).toEqual([
    { look: "good", text: "recording" },
    { look: "warn", text: "recording, with a problem" },
    { look: "calm", text: "stopped at its size" },
    { look: "bad", text: "failed" },
  ]);
});

test("states duration, size and counts; gaps only if there are some", () => {
  const nowMs = Date.parse("2026-11-28T13:01:00Z");
  expect(recordingFacts(recording, nowMs)).toEqual(["60 s", "1 entry", "1.5 MB", "2 streams"]);
  const ended = { ...recording, ended: "2026-11-28T13:00:05Z", entries: 1200, gaps: 1 };
  expect(recordingFacts(ended, nowMs)).toEqual(["5.0 s", "1,200 entries", "1.5 MB", "2 streams", "1 gap"]);
  expect(recordingFacts({ ...recording, slowed: true }, nowMs).at(-1)).toBe(
    "slowed, because the gateway serves clients",
  );
});

test("lists the newest first", () => {
  const older = { ...recording, name: "run-0", started: "2026-11-27T13:00:00.000Z" };
  expect(newestFirst([older, recording]).map(({ name }) => name)).toEqual(["run-1", "run-0"]);
});

test("the commands play all files of a recording into a device of their own", () => {
  const part = { bytes: 1, entries: 1, gaps: 0, from: null, to: null, state: "finished" } as const;
  const files = ["run-1.mcap", "run-1~2.mcap"].map((file) => ({ ...part, file }));
  expect(playLines({ name: "run-1", files }, "http://host:8000/it's")).toEqual([
    "curl -O 'http://host:8000/it%27s/recordings/run-1.mcap'",
    "curl -O 'http://host:8000/it%27s/recordings/run-1~2.mcap'",
    "npx redis-streamer play run-1.mcap run-1~2.mcap --url 'http://host:8000/it%27s' --device run-1-replay",
  ]);
});

test("a recording begins at the shown moment, if it is not live", () => {
  expect(beginnings(undefined)).toEqual(["now", "stored"]);
  expect(beginnings("5000-3")).toEqual(["moment", "now", "stored"]);
  // All entries of that millisecond are recorded.
  expect(cursorOf("moment", "5000-3")).toBe("4999-18446744073709551615");
  expect(cursorOf("moment", "5000")).toBe("4999-18446744073709551615");
  expect(cursorOf("now", "5000")).toBe("$");
  expect(cursorOf("stored", "5000")).toBe("0");
  expect([cursorOf("moment", undefined), cursorOf("moment", "0")]).toEqual(["0", "0"]);
});

test("records a device as long as it is listed, and otherwise the open panes or a pattern", () => {
  expect(sourceOf("device:rover", ["arm:a"], ["rover"])).toBe("device:rover");
  expect(sourceOf("device:rover", ["arm:a"], ["arm"])).toBe("open");
  expect(sourceOf("open", [], ["arm"])).toBe("pattern");
  expect(sourceOf("pattern", ["arm:a"], ["arm"])).toBe("pattern");
  expect(recordedStreams("device:rover", ["arm:a"], "*")).toEqual({ streams: "*", device: "rover" });
  expect(recordedStreams("open", ["arm:a"], "*")).toEqual({ streams: ["arm:a"], device: "" });
  expect(recordedStreams("pattern", ["arm:a"], "rover:*")).toEqual({ streams: "rover:*", device: "" });
});
