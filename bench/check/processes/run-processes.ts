/** Processes of a run that can be killed, frozen and restarted: one Redis that persists acknowledged entries, and gateways. */
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../../load/processes/free-port.ts";
import { type Child, createChildren } from "../../load/processes/process.ts";
import { type Redis, startRedis } from "../../load/processes/redis.ts";
import { type Fault, isOfCluster, type Plan } from "../plan.ts";
import { recordingsDir } from "../recordings.ts";
import { APPEND_ONLY } from "../verdict/append-only-file.ts";
import type { Evidence } from "../verdict/evidence.ts";
import { type Cluster, startCluster } from "./cluster.ts";

/** A gateway that keeps its port across restarts. */
export interface Gateway {
  readonly port: number;
  readonly pid: number;
}

/** All processes of a run. */
export interface RunProcesses extends Disposable {
  /** The single Redis, or the cluster. */
  readonly redis: Redis | Cluster;
  readonly gateways: readonly Gateway[];
  /** Arguments with which redis-cli reaches each server. */
  readonly servers: readonly (readonly string[])[];
  /** Processes that ended unexpectedly, with their last output. */
  readonly deaths: readonly string[];
  /** Injects a fault, waits and repairs it. @throws Error if the process does not recover */
  inject(fault: Exclude<Fault, { readonly what: "pusher vanishes" }>): Promise<void>;
}

/** Debug lines explain when connections were opened and lost. */
const LOGS = { LOG_FORMAT: "json", LOG_LEVEL: "debug" };
const MAIN = fileURLToPath(new URL("../../../bin/main.js", import.meta.url));

/** Starts the processes. @param dir working directory of Redis */
export async function startProcesses(
  { gateways, isCluster, settings }: Plan,
  dir: string,
  evidence: Evidence,
): Promise<RunProcesses> {
  const children = createChildren(dir, (command, { PORT }, text) => {
    evidence.output(PORT === undefined ? basename(command) : `gateway-${PORT}`, text);
  });
  const deaths: string[] = [];
  /** Processes that this run is stopping. */
  const dying = new Set<number>();
  function watch<T extends Child>(what: string, child: T): T {
    void child.ended.then((how) => {
      if (!dying.has(child.pid)) deaths.push(`${what} ${how}`);
    });
    return child;
  }
  process.once("exit", children.killAll);
  const cluster = isCluster ? await startCluster(children, dir) : undefined;
  let redis = isCluster ? undefined : watch("redis", await startRedis(children, dir, APPEND_ONLY));
  const { url } = cluster ?? theRedis();

  function theRedis(): Redis & Child {
    if (redis === undefined) throw new Error("Redis is a cluster");
    return redis;
  }

  async function startGateway(port: number): Promise<Child & Gateway> {
    const RECORDINGS_DIR = recordingsDir(dir, port);
    const env = {
      ...settings,
      ...{ HOST: "127.0.0.1", PORT: String(port), REDIS_URL: url, RECORDINGS_DIR },
      ...LOGS,
    };
    // Checks liveness and not readiness: the gateway must listen even while Redis is unavailable.
    const isUp = async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
      return answer?.ok === true;
    };
    return watch("a gateway", { ...(await children.start(process.execPath, [MAIN], env, isUp)), port });
  }
  const ports: number[] = [];
  for (let i = 0; i < gateways; i++) ports.push(await freePort());
  const running = await Promise.all(ports.map(startGateway));

  function gatewayAt(number: number): Child & Gateway {
    const found = running[number];
    if (found === undefined) throw new Error(`there is no gateway ${number}`);
    return found;
  }

  /** Sends a signal to a process. If it has already ended, the verdict reports that. */
  function signal(pid: number, name: NodeJS.Signals): void {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  async function freeze({ pid }: Child, ms: number): Promise<void> {
    signal(pid, "SIGSTOP");
    await sleep(ms);
    signal(pid, "SIGCONT");
  }

  return {
    get redis() {
      return cluster ?? theRedis();
    },
    gateways: running,
    get servers() {
      return cluster?.servers ?? [["-s", theRedis().socketPath]];
    },
    get deaths() {
      return [...deaths, ...(cluster?.deaths ?? [])];
    },
    async inject(fault) {
      if (isOfCluster(fault)) {
        await cluster?.inject(fault);
        return;
      }
      switch (fault.what) {
        case "kill gateway":
        case "stop gateway": {
          const gateway = gatewayAt(fault.gateway);
          dying.add(gateway.pid);
          if (fault.what === "kill gateway") signal(gateway.pid, "SIGKILL");
          else await gateway.stop();
          // Its port is free only then.
          await gateway.ended;
          await sleep(fault.ms);
          running[fault.gateway] = await startGateway(gateway.port);
          return;
        }
        case "freeze gateway":
          return freeze(gatewayAt(fault.gateway), fault.ms);
        case "kill redis":
          dying.add(theRedis().pid);
          signal(theRedis().pid, "SIGKILL");
          await theRedis().ended;
          await sleep(fault.ms);
          redis = watch("redis", await startRedis(children, dir, APPEND_ONLY));
          return;
        case "freeze redis":
          return freeze(theRedis(), fault.ms);
        case "cut redis connections":
          await theRedis().command("CLIENT", "KILL", "TYPE", "normal");
          return;
        default:
          return fault satisfies never;
      }
    },
    [Symbol.dispose]() {
      process.off("exit", children.killAll);
      for (const { pid } of [...(redis ? [redis] : []), ...running]) dying.add(pid);
      children.killAll();
    },
  };
}
