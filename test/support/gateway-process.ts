/** Gateways as processes of their own, for what cannot be done to one in this process: to kill it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

/** A gateway that listens, as a process. */
export interface GatewayProcess extends AsyncDisposable {
  readonly http: string;
  readonly ws: string;
  /** Ends it without warning. */
  kill(): Promise<void>;
}

/** The program, built. */
export interface GatewayProgram extends Disposable {
  /** @param env settings by their environment variables */
  start(redisUrl: string, env?: Record<string, string>): Promise<GatewayProcess>;
}

/** Builds the program from its sources, because Node 20 runs no TypeScript: where it finds the packages it imports. */
export function buildGatewayProgram(): GatewayProgram {
  const root = resolve(import.meta.dirname, "../..");
  mkdirSync(join(root, "node_modules"), { recursive: true });
  const folder = mkdtempSync(join(root, "node_modules/.gateway-"));
  const tsconfig = join(folder, "tsconfig.json");
  writeFileSync(join(folder, "package.json"), '{ "type": "module", "version": "test" }');
  writeFileSync(
    tsconfig,
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: { noEmit: false, rootDir: root, outDir: folder },
      files: [join(root, "src/main.ts")],
      include: [],
    }),
  );
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", tsconfig], {
    stdio: "inherit",
  });
  return {
    start: (redisUrl, env = {}) => start(join(folder, "src/main.js"), redisUrl, env),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function start(script: string, redisUrl: string, env: Record<string, string>): Promise<GatewayProcess> {
  const child: ChildProcess = spawn(process.execPath, [script], {
    env: { PATH: process.env.PATH ?? "", PORT: "0", REDIS_URL: redisUrl, LOG_FORMAT: "json", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const url = await new Promise<string>((onUrl, reject) => {
    if (child.stdout === null) throw new Error("the process has no output");
    createInterface({ input: child.stdout }).on("line", (line) => {
      const said = JSON.parse(line) as { url?: string };
      if (said.url !== undefined) onUrl(said.url);
    });
    void ended.then(([code]) => reject(new Error(`the gateway ended with ${code}`)));
  });
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  return { http: url, ws: url.replace("http", "ws"), kill, [Symbol.asyncDispose]: kill };
}
