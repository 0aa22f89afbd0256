/** Open connections of the gateway, as administrators see them. */
import { objectsOf } from "../../../client/gateway/graphql.ts";
import { gatewayRequest } from "../../page/gateway-request.ts";

/** Open connection of a client. */
export interface Connection {
  readonly id: string;
  /** Such as `pull` or `push`. */
  readonly kind: string;
  readonly identity: string;
  readonly address: string;
  /** Time at which it was opened, Unix ms. */
  readonly sinceMs: number;
  /** Keys of its streams; the first ones if there are many. */
  readonly streams: readonly string[];
  readonly streamCount: number;
  /** Bytes that the gateway has received from the client and sent to it. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Bytes that the client has not read. */
  readonly unsentBytes: number;
  /** Time (ms) from the last entry that was sent to the newest one; undefined for a connection that follows no stream live. */
  readonly lagMs: number | undefined;
}

/** The connections at a time, ms of `performance.now()`. */
export interface ConnectionList {
  readonly atMs: number;
  readonly connections: readonly Connection[];
}

/** Bytes per second in both directions. */
export interface Rates {
  readonly received: number;
  readonly sent: number;
}

const PATH = "admin/connections";

/** Lists the connections, the oldest first. @throws Error with the gateway's message */
export async function readConnections(signal: AbortSignal): Promise<ConnectionList> {
  const connections = parseConnections(await gatewayRequest(PATH, { signal }));
  return { connections, atMs: performance.now() };
}

/** Returns the rates of the connections that are in both lists, by id. */
export function ratesBetween(before: ConnectionList, now: ConnectionList): ReadonlyMap<string, Rates> {
  const earlier = new Map(before.connections.map((one) => [one.id, one]));
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
  const rates = new Map<string, Rates>();
  for (const { id, receivedBytes, sentBytes } of now.connections) {
    const known = earlier.get(id);
    if (known === undefined) continue;
    rates.set(id, {
      received: Math.max(0, receivedBytes - known.receivedBytes) / seconds,
      sent: Math.max(0, sentBytes - known.sentBytes) / seconds,
    });
  }
  return rates;
}

/** Closes a connection. @throws Error with the gateway's message */
export async function closeConnection(id: string): Promise<void> {
  await gatewayRequest(`${PATH}/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** Reads a list of connections. */
export function parseConnections(value: unknown): readonly Connection[] {
  return objectsOf(value).map(({ id, kind, identity, address, since, streams, ...numbers }) => ({
    id: String(id),
    kind: String(kind),
    identity: String(identity),
    address: String(address),
    sinceMs: Date.parse(String(since)),
    streams: Array.isArray(streams) ? streams.map(String) : [],
    streamCount: Number(numbers.streamCount ?? 0),
    receivedBytes: Number(numbers.receivedBytes ?? 0),
    sentBytes: Number(numbers.sentBytes ?? 0),
    unsentBytes: Number(numbers.unsentBytes ?? 0),
    lagMs: typeof numbers.lagMs === "number" ? numbers.lagMs : undefined,
  }));
}

/** Returns the connections of which a member contains the words. */
export function matching(connections: readonly Connection[], words: string): readonly Connection[] {
  const wanted = words.toLowerCase();
  return connections.filter(({ kind, identity, address, streams }) =>
    [kind, identity, address, ...streams].some((text) => text.toLowerCase().includes(wanted)),
  );
}
