/** Videos for tests, made by Debian's ffmpeg: a list of frames, each an Annex B byte stream as a camera sends it. */
// cspell:ignore lavfi libx keyint scenecut zerolatency
import { execFileSync } from "node:child_process";

/** Options of a video. */
export interface VideoOptions {
  readonly codec: "h264" | "h265";
  /** Colours, each shown for as many frames as `framesEach`, of the size 320 × 240. */
  readonly colours: readonly string[];
  readonly framesEach: number;
  /** Frames from one key frame to the next. */
  readonly keyEvery: number;
}

/** NAL unit that begins each frame: an access unit delimiter, with its start code. */
const DELIMITERS = { h264: Buffer.from([0, 0, 0, 1, 9]), h265: Buffer.from([0, 0, 0, 1, 70]) };

/** Returns the frames of a video. */
export function framesOf({ codec, colours, framesEach, keyEvery }: VideoOptions): readonly Buffer[] {
  const inputs = colours.flatMap((colour) => [
    ...["-f", "lavfi", "-t", String(framesEach / 25), "-i", `color=${colour}:size=320x240:rate=25`],
  ]);
  const joined = `${colours.map((_, i) => `[${i}]`).join("")}concat=n=${colours.length}`;
  const encode =
    codec === "h264"
      ? ["-c:v", "libx264", "-tune", "zerolatency", "-x264-params", `keyint=${keyEvery}:scenecut=0:aud=1`]
      : [
          ...["-c:v", "libx265", "-tune", "zerolatency", "-x265-params"],
          `keyint=${keyEvery}:scenecut=0:aud=1:repeat-headers=1:log-level=none`,
        ];
  const format = codec === "h264" ? "h264" : "hevc";
  const args = ["-v", "error", ...inputs, "-filter_complex", joined, ...encode, "-pix_fmt", "yuv420p"];
  const stream = execFileSync("ffmpeg", [...args, "-f", format, "-"], { maxBuffer: 64e6 });
  const delimiter = DELIMITERS[codec];
  const starts: number[] = [];
  for (let at = stream.indexOf(delimiter); at >= 0; at = stream.indexOf(delimiter, at + 1)) starts.push(at);
  return starts.map((start, i) => stream.subarray(start, starts[i + 1]));
}
