/**
 * Gateways as processes of their own, of which a test needs several, or one to kill: each does nothing but run a
 * managed Redis.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

/** A gateway process whose managed Redis answers. */
export interface GatewayChild {
  readonly pid: number;
  readonly path: string;
  /** The messages that it has logged so far. */
  readonly logged: readonly string[];
  /** Lines that it has written to standard error. */
  readonly complaints: readonly string[];
  /** Sends it a signal. */
  signal(name: NodeJS.Signals): void;
  /** Sends its whole process group a signal, as a terminal does. */
  signalGroup(name: NodeJS.Signals): void;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

const GATEWAY = `
import { startManagedServer } from "./src/redis/managed/managed-server.js";
const say = (line) => process.stdout.write(JSON.stringify(line) + "\\n");
const log = (fields, message) => say({ message });
process.on("SIGINT", () => say({ message: "interrupted" }));
const server = await startManagedServer({
  dataDir: process.argv[2],
  fsync: "always",
  logger: { debug: () => {}, info: log, warn: log, error: log },
});
const keep = setInterval(() => {}, 1000);
process.on("SIGTERM", async () => {
  await server.close();
  clearInterval(keep);
});
say({ path: server.path });
`;

/** Builds the part of the sources that such a process needs, because Node 20 runs no TypeScript. */
export function buildGateway(): {
  readonly start: (dataDir: string) => Promise<GatewayChild>;
  clear(): void;
} {
  const root = resolve(import.meta.dirname, "../../..");
  const folder = mkdtempSync(join(tmpdir(), "gateway-child-"));
  const tsconfig = join(folder, "tsconfig.json");
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "main.js"), GATEWAY);
  writeFileSync(
    tsconfig,
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: {
        noEmit: false,
        rootDir: root,
        outDir: folder,
        typeRoots: [join(root, "node_modules/@types")],
      },
      files: [join(root, "src/redis/managed/managed-server.ts")],
      include: [],
    }),
  );
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", tsconfig], {
    stdio: "inherit",
  });
  return {
    start: (dataDir) => startGateway(join(folder, "main.js"), dataDir),
    clear: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function startGateway(script: string, dataDir: string): Promise<GatewayChild> {
  const child = spawn(process.execPath, [script, dataDir], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const pid = child.pid ?? 0;
  const logged: string[] = [];
  const complaints: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => complaints.push(line));
  // `close` follows the last line of standard error, `exit` may precede it.
  const ended = once(child, "close").then(([code, signal]) => signal ?? code);
  const path = await new Promise<string>((onPath, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const output: { message?: string; path?: string } = JSON.parse(line);
      if (output.message !== undefined) logged.push(output.message);
      if (output.path !== undefined) onPath(output.path);
    });
    void ended.then((how) =>
      reject(new Error(`the gateway ended with ${how}: ${[...logged, ...complaints].join("; ")}`)),
    );
  });
  return {
    pid,
    path,
    logged,
    complaints,
    ended,
    signal: (name) => process.kill(pid, name),
    signalGroup: (name) => process.kill(-pid, name),
  };
}
