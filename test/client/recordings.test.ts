/** Recordings through the client. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { connect } from "../../client/index.ts";
import { startTestGateway } from "../support/gateway/gateway.ts";
import { startRedis } from "../support/redis/redis.ts";

it("starts, lists, stops and deletes a recording", async () => {
  const directory = mkdtempSync(join(tmpdir(), "recordings-"));
  await using redis = await startRedis();
  await using gateway = await startTestGateway(redis.url, { RECORDINGS_DIR: directory });
  const streamer = connect(gateway.http);
  const started = await streamer.record("cam-*", { name: "run", device: "rover", from: "0" });
  expect(started).toMatchObject({ name: "run", state: "recording" });
  expect(await streamer.recordings()).toMatchObject([{ name: "run" }]);
  expect(await streamer.stopRecording("run")).toMatchObject({ state: "stopped", reason: "request" });
  expect(await streamer.recording("run")).toMatchObject({ files: [{ file: "run.mcap", state: "finished" }] });
  await streamer.deleteRecording("run");
  await expect(streamer.recording("run")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(streamer.record([])).rejects.toMatchObject({ code: "BAD_PARAMETER" });
  rmSync(directory, { recursive: true });
});

it("plays a recording again", async () => {
  const directory = mkdtempSync(join(tmpdir(), "recordings-"));
  await using redis = await startRedis();
  await using gateway = await startTestGateway(redis.url, { RECORDINGS_DIR: directory });
  const streamer = connect(gateway.http);
  await redis.control.call("XADD", "rover:a", "1-0", "d", "first");
  await redis.control.call("XADD", "rover:a", "3600000-0", "d", "an hour later");
  await streamer.record("a", { name: "run", device: "rover", from: "0" });
  expect(await streamer.stopRecording("run")).toMatchObject({ entries: 2, playback: null });
  const options = { device: "lab", streams: "a", exclude: ["b"], from: 1, to: "3600000-0", dedupe: "k" };
  expect(await streamer.playRecording("run", { rate: 2, ...options })).toMatchObject({
    playback: { state: "playing", rate: 2, streams: { "rover:a": "lab:a" }, dedupe: "k" },
  });
  expect(await streamer.pausePlayback("run")).toMatchObject({ playback: { state: "paused" } });
  expect(await streamer.continuePlayback("run")).toMatchObject({ playback: { state: "playing" } });
  expect(await streamer.stopPlayback("run")).toMatchObject({ playback: { state: "stopped" } });
  await expect(streamer.pausePlayback("run")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(streamer.playRecording("run", { rate: -1 })).rejects.toMatchObject({ code: "BAD_PARAMETER" });
  rmSync(directory, { recursive: true });
});
