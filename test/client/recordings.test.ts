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
