import { expect, test } from "vitest";
import type { RecordingPlayback } from "../../../client/browser.ts";
import {
  mayPlay,
  playbackFacts,
  playbackLook,
  playedShare,
} from "../../../console/panels/recordings/playback.ts";

const playback: RecordingPlayback = {
  ...{ state: "playing", error: null, started: "2026-11-28T13:00:00.000Z", ended: null },
  ...{
    from: "2026-11-27T10:00:00.000Z",
    to: "2026-11-27T10:01:00.000Z",
    position: "2026-11-27T10:00:15.000Z",
  },
  ...{ rate: 4, loop: false, stored: 1200, bytes: 5, notStored: 0, passes: 0, dedupe: null },
  streams: { "rover:a": "run-replay:a" },
};

test("a playback that waits looks unlike one that plays, and unlike one that is over", () => {
  const looks = [
    playback,
    { ...playback, error: "Redis is unavailable" },
    { ...playback, state: "finished" } as const,
    { ...playback, state: "failed", error: "damaged" } as const,
  ].map(playbackLook);
  expect(looks).toEqual([
    { look: "good", text: "playing" },
    { look: "warn", text: "playing, waits" },
    { look: "calm", text: "played" },
    { look: "bad", text: "playing failed" },
  ]);
});

test("states position, speed and counts", () => {
  expect(playbackFacts(playback)).toEqual(["15 s of 60 s", "×4", "1,200 stored"]);
  expect(playbackFacts({ ...playback, rate: 0, notStored: 3, loop: true, passes: 1 })).toEqual([
    ...["15 s of 60 s", "as fast as possible", "1,200 stored", "3 not stored", "pass 2"],
  ]);
  expect(playbackFacts({ ...playback, state: "finished" })).toEqual(["×4", "1,200 stored"]);
  expect(playedShare(playback)).toBe(0.25);
  expect(playedShare({ ...playback, to: playback.from, position: playback.from })).toBe(1);
});

test("a recording is played by those who may write its replay", () => {
  const recording = { name: "run", state: "stopped", entries: 2, streams: ["rover:a", ":event:x"] } as const;
  const session = (...permissions: string[]) => ({ identity: "key:a", permissions });
  expect(mayPlay(recording, undefined)).toBe(true);
  expect(mayPlay(recording, session("write:run-replay:*"))).toBe(true);
  expect(mayPlay(recording, session("write:rover:*"))).toBe(false);
  expect(mayPlay({ ...recording, streams: ["rover:a", "lab:b"] }, session("write:run-replay:*"))).toBe(false);
  expect(mayPlay({ ...recording, streams: ["rover:a", "lab:b"] }, session("write:run-replay-*:*"))).toBe(
    true,
  );
  expect(mayPlay({ ...recording, state: "recording" }, undefined)).toBe(false);
  expect(mayPlay({ ...recording, entries: 0 }, undefined)).toBe(false);
  expect(mayPlay({ ...recording, streams: [":event:x"] }, undefined)).toBe(false);
});
