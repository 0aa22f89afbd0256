/**
 * Evidence of a run, in files that explain a problem: the steps with their times, the output of every gateway, and the state
 * of gateways and servers at the end and whenever clients make no progress.
 */
import { execFile } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const ANSWER_MS = 5000;
const MAX_BYTES = 2 ** 26;

/** Processes whose state is recorded. */
export interface Observed {
  readonly gateways: readonly { readonly port: number }[];
  /** Arguments with which redis-cli reaches each server. */
  readonly servers: readonly (readonly string[])[];
  readonly streamKeys: readonly string[];
}

/** Files of one run. */
export class Evidence {
  readonly folder: string;
  readonly #start = performance.now();
  /** Processes that are being killed may still print after the folder is removed. */
  #isRemoved = false;

  /** @param folder created if it does not exist */
  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    // Gateways log the time of day.
    this.step(`started at ${Date.now()}`);
  }

  /** Time since the start, in ms. */
  now(): number {
    return Math.round(performance.now() - this.#start);
  }

  /** Records a step. */
  step(text: string): void {
    this.#append("steps.log", `${this.now()} ${text}\n`);
  }

  /** Records the output of a process. */
  output(name: string, chunk: string): void {
    this.#append(`${name}.log`, chunk);
  }

  /** Records the metrics of all gateways, and the clients and streams of all servers. @param occasion reason for the record */
  async record(occasion: string, { gateways, servers, streamKeys }: Observed): Promise<void> {
    const commands = [
      ["CLIENT", "LIST"],
      ["INFO", "replication"],
      ...streamKeys.map((key) => ["XINFO", "STREAM", key]),
    ];
    const parts = await Promise.all([
      ...gateways.map(({ port }) => metricsOf(port)),
      ...servers.flatMap((server) => commands.map((command) => replyTo(server, command))),
    ]);
    this.#append("state.log", `== ${this.now()} ${occasion}\n${parts.join("\n")}\n`);
  }

  /** Deletes the files, and records nothing from now on. */
  remove(): void {
    this.#isRemoved = true;
    rmSync(this.folder, { recursive: true, force: true });
  }

  #append(name: string, text: string): void {
    if (!this.#isRemoved) appendFileSync(join(this.folder, name), text);
  }
}

/** A gateway that hangs is evidence, too. */
async function metricsOf(port: number): Promise<string> {
  const url = `http://127.0.0.1:${port}/metrics`;
  const text = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) })
    .then((response) => response.text())
    .catch((error: Error) => error.message);
  return `-- ${url}\n${text}`;
}

async function replyTo(server: readonly string[], command: readonly string[]): Promise<string> {
  const text = await run("redis-cli", [...server, ...command], { timeout: ANSWER_MS, maxBuffer: MAX_BYTES })
    .then(({ stdout }) => stdout.trimEnd())
    .catch((error: Error) => error.message);
  return `-- ${server.join(" ")}: ${command.join(" ")}\n${text}`;
}
