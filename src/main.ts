/** Executable of the gateway: reads settings, starts the gateway, handles signals and stops it. */
import "./production.ts";
import cluster from "node:cluster";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { isLoopback } from "./access/browser-guard.ts";
import type { Logger } from "./domain/logger.ts";
import type { Gateway } from "./gateway.ts";
import { createLogger, isReadable } from "./observe/logger.ts";
import { checkPort } from "./port-check.ts";
import { helpText } from "./settings/help.ts";
import { readSettings, SettingError, type Settings } from "./settings.ts";
import { readVersion } from "./version.ts";

/** Time (ms) after `SHUTDOWN_MS` before the process exits with open work. */
const SHUTDOWN_GRACE_MS = 1500;
const SAME_SIGNAL_MS = 1000;

const version = readVersion();
const args = process.argv.slice(2);
// Each process loads only its own part: a primary without the gateway needs half the memory and starts four times faster.
if (cluster.isWorker) {
  const { runWorker } = await import("./workers/worker.ts");
  await runWorker();
} else if (args.includes("--help") || args.includes("-h")) {
  process.stdout.write(helpText());
} else if (args.includes("--version")) {
  process.stdout.write(`${version}\n`);
} else {
  await run();
}

async function run(): Promise<void> {
  const settings = settingsOrExit();
  const logger = await createLogger(settings);
  const stopping = stopSignal(settings, logger);
  let gateway: Gateway;
  try {
    gateway = await start(settings, logger, stopping);
  } catch (error) {
    if (stopping.aborted) process.exit(0);
    process.stderr.write(`redis-streamer: ${explain(error as NodeJS.ErrnoException, settings)}\n`);
    process.exit(1);
  }
  const stop = () =>
    gateway.close().then(
      () => process.exit(0),
      (error) => {
        logger.error({ err: error }, "shutdown failed");
        process.exit(1);
      },
    );
  if (stopping.aborted) {
    await stop();
    return;
  }
  stopping.addEventListener("abort", stop);
  greet(gateway, settings, logger);
}

/** Starts the gateway in this process, or as several workers. @throws Error with a message for the operator */
async function start(settings: Settings, logger: Logger, signal: AbortSignal): Promise<Gateway> {
  const port = await checkPort(settings.host, settings.port);
  if (settings.workers === 1) {
    const { startGateway } = await import("./gateway.ts");
    const gateway = await startGateway(settings, logger, version, signal);
    void gateway.acceptFaster();
    return gateway;
  }
  const { startWorkers } = await import("./workers/primary.ts");
  const program = fileURLToPath(import.meta.url);
  // All workers share one port, including workers that are restarted later.
  return startWorkers({ settings: { ...settings, port }, logger, version, program, signal });
}

/** Installs the signal handlers, before anything is started that needs an orderly stop. */
function stopSignal({ shutdownMs }: Settings, logger: Logger): AbortSignal {
  const stopping = new AbortController();
  let stoppingSince: number | undefined;
  const stop = (signal: string) => {
    // A second Ctrl-C exits at once. npm forwards the first one again right after the terminal's own; ignore that.
    if (stoppingSince !== undefined && performance.now() - stoppingSince < SAME_SIGNAL_MS) return;
    if (stoppingSince !== undefined) process.exit(130);
    stoppingSince = performance.now();
    logger.info({ signal }, "stopping: finishing requests in flight");
    setTimeout(() => process.exit(1), shutdownMs + SHUTDOWN_GRACE_MS).unref();
    stopping.abort(new Error(`stopped by ${signal}`));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  process.on("SIGHUP", stop);
  return stopping.signal;
}

function settingsOrExit(): Settings {
  try {
    const file = existsSync(".env") ? parseEnv(readFileSync(".env", "utf8")) : {};
    return readSettings(args, { ...file, ...process.env });
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    process.stderr.write(`redis-streamer: ${error.message}\n`);
    process.exit(2);
  }
}

function explain(error: NodeJS.ErrnoException, { host, port }: Settings): string {
  if (error.code === "EADDRINUSE") return `${host}:${port} is already in use; set PORT or --port`;
  if (error.code === "EADDRNOTAVAIL") return `HOST must be an address of this machine, got ${host}`;
  if (error.code === "EACCES" && port < 1024)
    return `not permitted to listen on port ${port}; set PORT or --port`;
  return error.message;
}

function greet({ url, redis, isManaged }: Gateway, settings: Settings, logger: Logger): void {
  const { host, dataDir, auth, workers } = settings;
  if (!auth && !isLoopback(host)) {
    process.stderr.write(
      `redis-streamer: WARNING: listening on ${host} without authentication: anyone who can reach this port can read and write every stream. Set AUTH=1 to require credentials\n`,
    );
  }
  if (!isReadable(settings)) {
    logger.info({ url, redis, version, workers }, "Redis Streamer is up");
    return;
  }
  const data = isManaged ? `${redis}, managed, data in ${dataDir}` : redis;
  process.stdout.write(
    [
      "",
      `  Redis Streamer ${version} is up.`,
      "",
      `  gateway   ${url}`,
      `  send      ${url.replace("http", "ws")}/data/{stream_id}/push`,
      `  receive   ${url.replace("http", "ws")}/data/{stream_id}/pull`,
      `  query     ${url}/graphql`,
      `  docs      ${url}/docs`,
      `  redis     ${data}`,
      ...(workers > 1 ? [`  workers   ${workers}`] : []),
      "",
      "  Ctrl-C stops it. --help lists the settings.",
      "",
      "",
    ].join("\n"),
  );
}
