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
}

const PATH = "admin/connections";

/** Lists the connections, the oldest first. @throws Error with the gateway's message */
export async function readConnections(signal: AbortSignal): Promise<readonly Connection[]> {
  return parseConnections(await gatewayRequest(PATH, { signal }));
}

/** Closes a connection. @throws Error with the gateway's message */
export async function closeConnection(id: string): Promise<void> {
  await gatewayRequest(`${PATH}/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** Reads a list of connections. */
export function parseConnections(value: unknown): readonly Connection[] {
  return objectsOf(value).map(({ id, kind, identity, address, since, streams, streamCount }) => ({
    id: String(id),
    kind: String(kind),
    identity: String(identity),
    address: String(address),
    sinceMs: Date.parse(String(since)),
    streams: Array.isArray(streams) ? streams.map(String) : [],
    streamCount: Number(streamCount ?? 0),
  }));
}

/** Returns the connections of which a member contains the words. */
export function matching(connections: readonly Connection[], words: string): readonly Connection[] {
  const wanted = words.toLowerCase();
  return connections.filter(({ kind, identity, address, streams }) =>
    [kind, identity, address, ...streams].some((text) => text.toLowerCase().includes(wanted)),
  );
}
