/** Errors of the gateway on the command line: they name the flag or the argument that the user typed. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../cli/exit-codes.ts";
import { startTestGateway, type TestGateway } from "../support/gateway/gateway.ts";
import { runHere } from "../support/programs/command-line.ts";
import { startRedis, type TestRedis } from "../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;
let recordings: string;
beforeAll(async () => {
  redis = await startRedis();
  recordings = mkdtempSync(join(tmpdir(), "user-terms-"));
  gateway = await startTestGateway(redis.url, { RECORDINGS_DIR: recordings });
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
  rmSync(recordings, { recursive: true });
});

const LONG = "x".repeat(1100);

test.each<[string, readonly string[]]>([
  ["--from must be an entry id", ["record", "a", "--from", "zz"]],
  ["--name must have 1 to 100 letters", ["record", "a", "--name", "a/b"]],
  ["--device must be at most 1024 bytes", ["record", "a", "--device", LONG]],
  ["--exclude must not contain", ["record", "a", "--exclude", "**"]],
  ["--note must have at most 10000 characters", ["record", "a", "--note", `a=${"x".repeat(11_000)}`]],
  ["<patterns> must not contain", ["record", "**"]],
  ["--ack-wait must be an integer between 100 and 86400000", ["work", "a", "g", "--ack-wait", "1", "true"]],
  ["--max-deliver must be an integer", ["work", "a", "g", "--max-deliver", "999999999", "true"]],
  ["--from must be an entry id", ["work", "a", "g", "--from", "zz", "true"]],
  ["<stream> must be at most 1024 bytes", ["work", LONG, "g", "true"]],
  ["<group> must be at most 1024 bytes", ["work", "a", LONG, "true"]],
  ["--last-entry-id must be an entry id", ["pull-raw", "a", "--last-entry-id", "zz"]],
  ["--device must be at most 1024 bytes", ["pull-raw", "a", "--device", LONG]],
  ["--prefix must be at most 1024 bytes", ["pull-raw", "a", "--prefix", LONG]],
  ["<streams> must be at most 1024 bytes", ["pull", LONG]],
  ["--exclude must not contain", ["pull", "*", "--exclude", "**"]],
  ["--device must be at most 1024 bytes", ["push", "a", "--device", LONG]],
  ["<stream> must be at most 1024 bytes", ["push", LONG]],
])("%s: %j", async (message, args) => {
  const error: unknown = await runHere(gateway.http, args, { input: "line\n" }).catch((one) => one);
  expect(error).toMatchObject({ message: expect.stringMatching(/./), exitCode: EXIT.usage });
  expect((error as Error).message.slice(0, message.length)).toBe(message);
});

test("the longest duration of a recording is accepted", async () => {
  const args = ["record", "a", "--name", "long", "--duration", "366d", "--detach"];
  expect((await runHere(gateway.http, args)).out).toEqual(["long"]);
});

test.each([
  ["work", "s", "..", "--", "true"],
  ["work", "s", "", "--", "true"],
])("an error that names no parameter remains as it is: %j", async (...args) => {
  const error: unknown = await runHere(gateway.http, args).catch((one) => one);
  expect((error as Error).message).toMatch(/^a group name must not be empty, "\." or "\.\.", got /);
});
