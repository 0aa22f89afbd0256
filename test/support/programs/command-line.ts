/** The command line in a test: in this process, or as the real command. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Input, Io } from "../../../cli/output/io.ts";
import { createTerminal, type Output, type Terminal } from "../../../cli/output/terminal.ts";
import { createProgram } from "../../../cli/program.ts";

/** Input and output of a command in this process. @param changes methods of the terminal that the test observes */
export function testIo(changes: Partial<Terminal> = {}, signal = new AbortController().signal): Io {
  const nowhere: Output = { write: () => true, once: () => undefined, removeListener: () => undefined };
  const terminal = { ...createTerminal(nowhere, nowhere), showProgress: () => () => undefined, ...changes };
  return {
    terminal,
    input: Readable.from([]),
    signal,
    env: { XDG_CONFIG_HOME: "/nonexistent" },
    now: () => performance.now(),
  };
}

/** Output of a command in this process. */
export interface Printed {
  /** Lines of standard output. */
  readonly out: string[];
  /** Lines of standard error. */
  readonly notes: string[];
  /** Payloads that were written as they are. */
  readonly bytes: Buffer[];
}

/** Runs a command in this process against a gateway. @throws what the command throws */
export async function runHere(
  url: string,
  args: readonly string[],
  { input = "", stream, changes = {}, signal }: HereOptions = {},
): Promise<Printed> {
  const printed: Printed = { out: [], notes: [], bytes: [] };
  const io = testIo(
    {
      print: (line) => void printed.out.push(line),
      note: (line) => void printed.notes.push(line),
      write: (data) => void printed.bytes.push(Buffer.from(data)),
      ...changes,
    },
    signal,
  );
  const given = stream ?? Readable.from(input === "" ? [] : [Buffer.from(input)]);
  const program = createProgram({ ...io, input: given });
  const silence = { writeErr: () => undefined, writeOut: () => undefined };
  for (const one of [program, ...program.commands]) one.configureOutput(silence);
  await program.parseAsync([...args, "--url", url], { from: "user" });
  return printed;
}

/** Input of a command in this process. */
export interface HereOptions {
  readonly input?: string | Uint8Array;
  /** Standard input, instead of `input`. */
  readonly stream?: Input;
  /** Methods of the terminal that the test observes. */
  readonly changes?: Partial<Terminal>;
  readonly signal?: AbortSignal;
}

/** Result of a command. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of the real command. */
export interface CommandOptions {
  /** Gateway that it uses. */
  readonly url?: string;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A running command. */
export interface RunningCommand {
  readonly child: ChildProcess;
  /** Output so far. */
  stdout(): string;
  stderr(): string;
  readonly ended: Promise<CommandResult>;
}

const COMMAND = fileURLToPath(new URL("../../../dist/bin/redis-streamer.js", import.meta.url));

/** Starts the command. Standard input stays open if the test passes none. */
export function startCommand(
  args: readonly string[],
  { url, input, env = {}, cwd }: CommandOptions = {},
): RunningCommand {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd,
    env: {
      PATH: process.env.PATH,
      // No configuration of the person who runs the tests.
      XDG_CONFIG_HOME: "/nonexistent",
      ...(url !== undefined && { REDIS_STREAMER_URL: url }),
      ...env,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const parts: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (part: Buffer) => parts[name].push(part));
  // A command may exit without reading its input.
  child.stdin.on("error", () => undefined);
  if (input !== undefined) child.stdin.end(input);
  const text = (name: "stdout" | "stderr") => Buffer.concat(parts[name]).toString();
  const ended = once(child, "close").then(([code]) => ({
    code,
    stdout: text("stdout"),
    stderr: text("stderr"),
  }));
  return { child, stdout: () => text("stdout"), stderr: () => text("stderr"), ended };
}

/** Runs the command to its end, with empty standard input if the test passes none. */
export const runCommand = (
  args: readonly string[],
  { input = "", ...options }: CommandOptions = {},
): Promise<CommandResult> => startCommand(args, { input, ...options }).ended;
