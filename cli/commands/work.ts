/** `work`: runs a program for each entry of a consumer group, with the payload on its standard input. Exit code 0 acknowledges. */
import { spawn } from "node:child_process";
import type { Job } from "../../client/index.ts";
import type { CommandRow } from "../command.ts";
import { openStreamer } from "../connection.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import { NAMING, type NamingFlags } from "../options.ts";
import { errorText } from "../output/error-text.ts";
import type { Io } from "../output/io.ts";
import { createNotices } from "../output/notices.ts";
import { oneLine } from "../output/payload-text.ts";

interface WorkFlags extends NamingFlags {
  readonly from?: string;
  readonly concurrency: number;
  readonly ackWait?: number;
  readonly maxDeliver?: number;
}

function parsePositive(text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1) throw new Error(`must be an integer of at least 1, got "${text}"`);
  return value;
}

/** The command. */
export const work: CommandRow = {
  name: "work",
  group: "Streams",
  usage: "work <stream> <group> -- <program>",
  summary: "run a program for each entry of a consumer group",
  details:
    "run a program for each entry of a consumer group, with the payload on standard input; exit code 0 acknowledges the entry",
  arguments: [
    { name: "<stream>", doc: "stream, or several in order of priority, joined by +", kind: "stream" },
    { name: "<group>", doc: "consumer group; its workers share the entries" },
    { name: "<command...>", doc: "program and its arguments, after --" },
  ],
  options: [
    ...NAMING,
    {
      flags: "--from <id>",
      doc: "where a new group begins: after an entry id, 0 (oldest) or $ (new entries only, the default)",
    },
    {
      flags: "--concurrency <programs>",
      doc: "programs that run at the same time",
      parse: parsePositive,
      fallback: 1,
    },
    {
      flags: "--ack-wait <ms>",
      doc: "time after which the entry of a worker that died is delivered again",
      parse: parsePositive,
    },
    {
      flags: "--max-deliver <times>",
      doc: "deliveries after which an entry becomes a dead letter",
      parse: parsePositive,
    },
  ],
  examples: ["redis-streamer work frames detect -- python detect.py"],
  run: (io, [stream, group, command]: [string, string, readonly string[]], flags: WorkFlags) =>
    runWork(io, stream, group, command, flags),
};

async function runWork(
  io: Io,
  stream: string,
  group: string,
  [program = "", ...args]: readonly string[],
  flags: WorkFlags,
): Promise<void> {
  const { terminal, signal } = io;
  const { url, device, prefix, from, concurrency, ackWait, maxDeliver } = flags;
  const { onStatus } = createNotices(io, url);
  const unusable = new AbortController();
  const options = { device, prefix, from, ackWait, maxDeliver, group, onStatus };
  const jobs = openStreamer(flags).work(stream, {
    ...options,
    signal: AbortSignal.any([signal, unusable.signal]),
  });
  try {
    await jobs.run((job) => runProgram(program, args, job), {
      concurrency,
      onError(error, { stream: name, id }) {
        // Otherwise a mistyped name would turn all entries into dead letters.
        if (isUnusable(error))
          unusable.abort(new CommandError(`${program} cannot be started: ${errorText(error)}`, EXIT.usage));
        else terminal.note(`${oneLine(name)}: ${id}: ${errorText(error)}`);
      },
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Whether the program does not exist, or may not be run: no entry can be processed. */
const isUnusable = (error: unknown): boolean =>
  error instanceof Error && "code" in error && ["ENOENT", "EACCES", "ENOTDIR"].includes(String(error.code));

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
