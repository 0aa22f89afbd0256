/**
 * Process of the hostile clients. They have their own process so that they do not delay the healthy clients. The checker
 * starts it and sends it orders; the process reports its open connections.
 */
import { setMaxListeners } from "node:events";
import { createRandom } from "../../check/random.ts";
import { ATTACKS } from "../kinds/index.ts";
import type { Attack, Target } from "./attack.ts";
import { createHostileClient, type OpenedClient } from "./client.ts";

/** Starts attacks; each client runs them one after the other. `id` names the group of clients. */
interface BeginOrder {
  readonly order: "begin";
  readonly id: string;
  readonly target: Target;
  readonly seed: number;
  readonly clients: number;
  readonly names: readonly string[];
}

/** Stops the clients of a group and closes their connections. */
interface EndOrder {
  readonly order: "end";
  readonly id: string;
}

/** Message from the checker. */
export type Order = BeginOrder | EndOrder;

/** An open connection of a hostile client. */
export interface HostileConnection {
  readonly attack: string;
  /** `address:port` of the client's side. */
  readonly local: string;
}

/** Report that the process sends twice a second. */
export interface HostileReport {
  readonly connections: readonly HostileConnection[];
  /** Number of times that each attack has been started. */
  readonly begun: Readonly<Record<string, number>>;
  /** Groups that have ended since the last report. */
  readonly ended: readonly string[];
}

const REPORT_MS = 500;
/** Number of loopback addresses that hostile clients connect from, starting at 127.0.0.2. */
const ADDRESSES = 8;
/** Pause (ms) of a client after an attack, or between attacks when all of them run as often as possible. */
const PAUSE_MS = 20;

const begun: Record<string, number> = {};
const running = new Map<string, number>();
const clients = new Map<OpenedClient, Attack>();
const groups = new Map<string, AbortController>();
const ended: string[] = [];

async function attackWith(attack: Attack, client: OpenedClient): Promise<void> {
  begun[attack.name] = (begun[attack.name] ?? 0) + 1;
  running.set(attack.name, (running.get(attack.name) ?? 0) + 1);
  clients.set(client, attack);
  try {
    await attack.run(client);
  } finally {
    client.closeAll();
    clients.delete(client);
    running.set(attack.name, (running.get(attack.name) ?? 1) - 1);
  }
}

async function runClient(order: BeginOrder, number: number, signal: AbortSignal): Promise<void> {
  const random = createRandom(order.seed * 1009 + number);
  const attacks = ATTACKS.filter(({ name }) => order.names.includes(name));
  const address = `127.0.0.${2 + (number % ADDRESSES)}`;
  // A third of the clients have no key.
  const sendsKey = number % 3 !== 0;
  while (!signal.aborted) {
    const free = attacks.filter(({ name, atMost = 1e9 }) => (running.get(name) ?? 0) < atMost);
    const client = createHostileClient(order.target, address, sendsKey, random, signal);
    if (free.length > 0) await attackWith(random.one(free), client);
    await client.wait(PAUSE_MS);
  }
}

async function begin(order: BeginOrder): Promise<void> {
  const group = new AbortController();
  // Each connection of each client adds a listener.
  setMaxListeners(0, group.signal);
  groups.set(order.id, group);
  await Promise.all(Array.from({ length: order.clients }, (_, i) => runClient(order, i, group.signal)));
  groups.delete(order.id);
  ended.push(order.id);
}

function report(): void {
  const connections: HostileConnection[] = [];
  for (const [{ sockets }, { name }] of clients)
    for (const { local } of sockets) if (local !== "") connections.push({ attack: name, local });
  process.send?.({ connections, begun, ended: ended.splice(0) } satisfies HostileReport);
}

process.on("message", (order: Order) => {
  if (order.order === "begin") void begin(order);
  else groups.get(order.id)?.abort();
});
process.on("disconnect", () => process.exit(0));
process.once("SIGINT", () => undefined);
setInterval(report, REPORT_MS);
