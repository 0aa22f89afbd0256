/** Controls the process of the hostile clients. */
import { fork } from "node:child_process";
import { constants, setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import type { Target } from "./attack.ts";
import type { HostileConnection, HostileReport, Order } from "./process.ts";

/** All hostile clients. */
export interface Hostiles extends Disposable {
  readonly connections: readonly HostileConnection[];
  readonly begun: Readonly<Record<string, number>>;
  /** Starts a group of clients. @returns a function that stops the group and resolves when its connections are closed */
  begin(target: Target, seed: number, clients: number, names: readonly string[]): () => Promise<void>;
}

/** Starts the process without clients. */
export function startHostiles(): Hostiles {
  const child = fork(fileURLToPath(new URL("./process.js", import.meta.url)), {
    execArgv: [],
    // A session of its own, which does not have the priority of the measured processes (`favour`).
    detached: true,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  // The attackers run at a lower priority, because the check measures the gateway and not the machine.
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  let last: HostileReport = { connections: [], begun: {}, ended: [] };
  const waiting = new Map<string, () => void>();
  child.on("message", (report: HostileReport) => {
    last = report;
    for (const id of report.ended) waiting.get(id)?.();
  });
  // No more reports will arrive.
  child.once("exit", () => {
    for (const resolve of waiting.values()) resolve();
  });
  const send = (order: Order) => void child.send(order);
  let groups = 0;
  return {
    get connections() {
      return last.connections;
    },
    get begun() {
      return last.begun;
    },
    begin(target, seed, clients, names) {
      const id = String(groups++);
      const ended = new Promise<void>((resolve) => waiting.set(id, resolve));
      send({ order: "begin", id, target, seed, clients, names });
      return () => {
        send({ order: "end", id });
        return ended;
      };
    },
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}
