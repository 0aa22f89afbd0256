/** The program as a separate process, started like `npm start`, for tests that kill or stop it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { request } from "../clients/http.ts";

/** Options of a process. */
export interface GatewayProcessOptions {
  /** Settings by environment variable. Without `REDIS_URL` it runs a managed Redis. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory, which holds its data; by default a temporary one. */
  readonly folder?: string;
}

/** A process that may still be starting. */
export interface StartingGateway extends AsyncDisposable {
  readonly pid: number;
  /** Messages that it has logged so far. */
  readonly logged: readonly string[];
  /** Lines that it has written to standard error. */
  readonly complaints: readonly string[];
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code, or with the signal that killed it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** A process that listens. */
export interface GatewayProcess extends StartingGateway {
  /** `http://127.0.0.1:port` */
  readonly http: string;
  /** `ws://127.0.0.1:port` */
  readonly ws: string;
  /** Returns a value of `/metrics` by its name without `redis_streamer_`, or by the full name of a runtime metric. */
  metric(name: string): Promise<number>;
}

const START = fileURLToPath(new URL("../../../scripts/start.js", import.meta.url));

interface Spawned {
  readonly process: StartingGateway;
  readonly url: Promise<string>;
}

function spawnGateway({ env = {}, folder }: GatewayProcessOptions): Spawned {
  const cwd = folder ?? mkdtempSync(join(tmpdir(), "gateway-process-"));
  const child = spawn(process.execPath, [START], {
    cwd,
    env: { PATH: process.env.PATH, PORT: "0", LOG_FORMAT: "json", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const logged: string[] = [];
  const complaints: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    complaints.push(line);
    process.stderr.write(`${line}\n`);
  });
  const ended = once(child, "exit").then(([code, signal]) => signal ?? code);
  const url = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry: { msg: string; url?: string } = JSON.parse(line);
      logged.push(entry.msg);
      if (entry.url !== undefined) resolve(entry.url);
    });
    void ended.then((how) => reject(new Error(`the gateway ended with ${how}: ${logged.join("; ")}`)));
  });
  url.catch(() => undefined);
  const gateway: StartingGateway = {
    pid: child.pid ?? 0,
    logged,
    complaints,
    signal: (name) => child.kill(name),
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGCONT");
        child.kill("SIGTERM");
      }
      await ended;
      if (folder === undefined) rmSync(cwd, { recursive: true, force: true });
    },
  };
  return { process: gateway, url };
}

/** Starts the program without waiting until it listens. */
export const beginGatewayProcess = (options: GatewayProcessOptions = {}): StartingGateway =>
  spawnGateway(options).process;

/** Starts the program. @throws Error with its log if it exits before it listens */
export async function startGatewayProcess(options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
  const spawned = spawnGateway(options);
  const http = await spawned.url;
  return {
    ...spawned.process,
    http,
    ws: http.replace("http", "ws"),
    async metric(name) {
      const { text } = await request(`${http}/metrics`);
      const value = new RegExp(`^(?:redis_streamer_)?${name} (\\S+)$`, "m").exec(text)?.[1];
      if (value === undefined) throw new Error(`there is no metric ${name}`);
      return Number(value);
    },
  };
}
