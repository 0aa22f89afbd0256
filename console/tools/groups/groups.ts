/** Consumer groups of a stream: their backlog, and their pending entries. */
import { objectsOf } from "../../../client/gateway/graphql.ts";
import { gatewayRequest } from "../../page/gateway-request.ts";

/** Consumer group of a stream. */
export interface Group {
  readonly name: string;
  /** Entries that were not delivered yet; undefined if Redis does not know it. */
  readonly lag: number | undefined;
  /** Entries that were delivered and are not done. */
  readonly pending: number;
  readonly consumers: number;
}

/** An entry that was delivered and is not done. */
export interface PendingEntry {
  readonly id: string;
  readonly consumer: string;
  /** Time since its last delivery. */
  readonly idleMs: number;
  readonly deliveries: number;
}

/** Maximum number of pending entries that are listed. */
const MAX_PENDING = 50;

/** Key of the stream of a group's dead letters. */
export const deadLetterKey = (streamKey: string, group: string): string => `${streamKey}:dead:${group}`;

/** Returns the path of the groups of a stream, or of a part of one. @param parts below the list of groups */
export function groupsPath(streamKey: string, ...parts: readonly string[]): string {
  const below = parts.map((part) => `/${encodeURIComponent(part)}`).join("");
  return `data/${encodeURIComponent(streamKey)}/work${below}?device_id=&pattern=0`;
}

/** Lists the groups of a stream. @throws Error with the gateway's message */
export async function readGroups(streamKey: string, signal: AbortSignal): Promise<readonly Group[]> {
  return parseGroups(await gatewayRequest(groupsPath(streamKey), { signal }));
}

/** Lists the pending entries of a group, oldest first. @throws Error with the gateway's message */
export async function readPending(
  streamKey: string,
  group: string,
  signal: AbortSignal,
): Promise<readonly PendingEntry[]> {
  const path = `${groupsPath(streamKey, group, "pending")}&count=${MAX_PENDING}`;
  return parsePending(await gatewayRequest(path, { signal }));
}

/** Removes a group. Its entries stay in the stream. @throws Error with the gateway's message */
export async function removeGroup(streamKey: string, group: string): Promise<void> {
  await gatewayRequest(groupsPath(streamKey, group), { method: "DELETE" });
}

/** Reads a list of groups. */
export function parseGroups(value: unknown): readonly Group[] {
  return objectsOf(value).map(({ group, lag, pending, consumers }) => ({
    name: String(group),
    lag: typeof lag === "number" ? lag : undefined,
    pending: Number(pending ?? 0),
    consumers: Number(consumers ?? 0),
  }));
}

/** Reads a list of pending entries. */
export function parsePending(value: unknown): readonly PendingEntry[] {
  return objectsOf(value).map(({ id, consumer, idle_ms: idleMs, n }) => ({
    id: String(id),
    consumer: String(consumer),
    idleMs: Number(idleMs ?? 0),
    deliveries: Number(n ?? 0),
  }));
}
