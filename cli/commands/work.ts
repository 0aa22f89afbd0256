/** `work`: runs a program for each entry of a consumer group, with the payload on its standard input. Exit code 0 acknowledges. */
import { spawn } from "node:child_process";
import { Command, Option } from "commander";
import { connect, type Job } from "../../client/index.ts";
import { flagValue } from "../flags.ts";
import type { Io } from "../output/io.ts";
import { createNotices } from "../output/notices.ts";
import { oneLine } from "../output/payload-text.ts";

interface WorkFlags {
  readonly url: string;
  readonly token?: string;
  readonly device?: string;
  readonly prefix?: string;
  readonly from?: string;
  readonly concurrency: number;
  readonly ackWait?: number;
  readonly maxDeliver?: number;
}

const DEFAULT_URL = "http://127.0.0.1:8000";

function parsePositive(text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1) throw new Error(`must be an integer of at least 1, got "${text}"`);
  return value;
}

/** Creates the command. */
export const work = (io: Io): Command =>
  new Command("work")
    .description(
      "run a program for each entry of a consumer group, with the payload on standard input; exit code 0 acknowledges the entry",
    )
    .argument("<stream>", "stream, or several in order of priority, joined by +")
    .argument("<group>", "consumer group; its workers share the entries")
    .argument("<command...>", "program and its arguments, after --")
    .addOption(new Option("--url <url>", "URL of the gateway").env("REDIS_STREAMER_URL").default(DEFAULT_URL))
    .addOption(new Option("--token <key>", "API key or token").env("REDIS_STREAMER_TOKEN"))
    .option(
      "--device <id>",
      "device of the stream; '' if the stream name is a complete Redis key (default: default)",
    )
    .option("--prefix <text>", "text before the stream name in its Redis key")
    .option(
      "--from <id>",
      "where a new group begins: after an entry id, 0 (oldest) or $ (new entries only, the default)",
    )
    .option("--concurrency <programs>", "programs that run at the same time", flagValue(parsePositive), 1)
    .option(
      "--ack-wait <ms>",
      "time after which the entry of a worker that died is delivered again",
      flagValue(parsePositive),
    )
    .option(
      "--max-deliver <times>",
      "deliveries after which an entry becomes a dead letter",
      flagValue(parsePositive),
    )
    .action((stream: string, group: string, command: readonly string[], flags: WorkFlags) =>
      runWork(io, stream, group, command, flags),
    );

async function runWork(
  { terminal, signal, now }: Io,
  stream: string,
  group: string,
  [program = "", ...args]: readonly string[],
  { url, token, concurrency, ...options }: WorkFlags,
): Promise<void> {
  const { onStatus } = createNotices({ terminal, signal, now }, url);
  const jobs = connect(url, { token }).work(stream, { ...options, group, signal, onStatus });
  try {
    await jobs.run((job) => runProgram(program, args, job), {
      concurrency,
      onError: (error, { stream: name, id }) =>
        terminal.note(`${oneLine(name)}: ${id}: ${error instanceof Error ? error.message : String(error)}`),
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Runs the program for an entry. @throws Error if it cannot be started, or does not exit with code 0 */
function runProgram(program: string, args: readonly string[], job: Job): Promise<void> {
  const child = spawn(program, args, {
    stdio: ["pipe", "inherit", "inherit"],
    // Ctrl-C stops the worker, which waits for its programs.
    detached: true,
    env: {
      ...process.env,
      STREAM_ID: job.stream,
      ENTRY_ID: job.id,
      DELIVERIES: String(job.deliveries),
    },
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    // A program may exit without reading its input.
    child.stdin.on("error", () => undefined);
    child.stdin.end(job.data);
    child.on("close", (code, killedBy) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} exited with ${code ?? killedBy}`));
    });
  });
}
