/** Streams that the open panes show. */
import { expect, test } from "vitest";
import { parsePanes } from "../../../console/workspace/layout-link.ts";
import { shownStreams } from "../../../console/workspace/shown-streams.ts";

const LISTED = [
  { key: "rover:camera", device: "rover", stream: "camera", meta: null },
  { key: "rover:boxes", device: "rover", stream: "boxes", meta: { view: "boxes", of: "camera" } },
  { key: "rover:imu", device: "rover", stream: "imu", meta: null },
  { key: "rover:gps", device: "rover", stream: "gps", meta: null },
];
const shown = (link: string) => shownStreams(parsePanes(`#${link}`), LISTED);

test("shows the streams of plots and the shapes over pictures, each once", () => {
  expect(shown("open=rover:camera&open=rover:imu&of=rover:gps&line=l0:speed&open=rover:gps")).toEqual([
    "rover:camera",
    "rover:boxes",
    "rover:imu",
    "rover:gps",
  ]);
});

test("leaves out shapes that the user has removed, and streams that are not listed", () => {
  expect(shown("open=rover:camera&boxes=&open=rover:secret&of=rover:other&line=l0:x")).toEqual([
    "rover:camera",
  ]);
  expect(shown("open=rover:imu")).toEqual(["rover:imu"]);
});
