/**
 * Messages in which workers settle the entries that they received.
 *
 *     {"ack": [ids], "nack": [ids], "delay": 5000, "term": [ids], "reason": "…", "progress": [ids], "permits": 5, "token": "…"}
 *
 * An id is an entry id, or `[stream_id, entry_id]`, which several streams require. All members are optional.
 */

import { GatewayError } from "../../domain/errors.ts";
import { isObject } from "../../domain/is-object.ts";
import { shown } from "../../domain/shown.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import { parseId } from "../../domain/streams/entry-id.ts";
import { MAX_PERMITS } from "../../redis/groups/consumer.ts";
import type { NamedEntry } from "../../redis/groups/consumer-options.ts";
import { checkJsonBounds } from "../../wire/json/json-text.ts";
import type { EntryName } from "../../wire/work/work.ts";
import type { WorkRequest } from "./work-request.ts";

/** Maximum size of a message, in bytes. */
export const MAX_SETTLEMENT_BYTES = 512 * 1024;
/** Maximum length of a reason. */
const MAX_REASON_CHARACTERS = 1000;

/** Actions on entries. Each is a member of the message. */
export const ACTIONS = ["ack", "nack", "term", "progress"] as const;

/** One of `ACTIONS`. */
export type WorkAction = (typeof ACTIONS)[number];

const MEMBERS: ReadonlySet<string> = new Set([...ACTIONS, "delay", "reason", "permits", "token"]);

/** Parsed message of a worker: the entries per action. */
export interface Settlement {
  /** The actions of the message, with their entries. */
  readonly entries: ReadonlyMap<WorkAction, readonly NamedEntry[]>;
  readonly delayMs: number;
  readonly reason: string;
  readonly permits: number;
  readonly token: string | undefined;
}

/** Maximum number of entries that a message over a WebSocket names: a worker with a parameter `permits` holds no more. */
export const MAX_NAMED = 1000;

/** Parses a message. @param maxNamed maximum number of entries that it names @throws GatewayError BAD_PAYLOAD */
export function readSettlement(text: string, request: WorkRequest, maxNamed: number): Settlement {
  const value = parse(text);
  const unknown = Object.keys(value).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined)
    throw bad(`must have only the members ${[...MEMBERS].join(", ")}, got ${shown(unknown)}`);
  let named = 0;
  for (const action of ACTIONS) {
    const list = value[action];
    if (Array.isArray(list)) named += list.length;
  }
  if (named > maxNamed) throw bad(`must name at most ${maxNamed} entries, got ${named}`);
  const entries = new Map<WorkAction, readonly NamedEntry[]>();
  for (const action of ACTIONS)
    if (value[action] !== undefined) entries.set(action, readEntries(action, value[action], request));
  return {
    entries,
    delayMs: readInteger("delay", value.delay, request.ackWaitMs, "ack_wait"),
    reason: readText("reason", value.reason, MAX_REASON_CHARACTERS) ?? "",
    permits: readInteger("permits", value.permits, MAX_PERMITS),
    token: readText("token", value.token, MAX_SETTLEMENT_BYTES),
  };
}

/** Formats an entry as the client names it. */
export function formatEntry({ key, id }: NamedEntry, { streams }: WorkRequest): EntryName {
  if (streams.length === 1) return id;
  return [streams.find((stream) => stream.key === key)?.name ?? "", id];
}

function parse(text: string): Readonly<Record<string, unknown>> {
  checkJsonBounds(text, "the message");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad(`must be JSON, got ${shown(text)}`);
  }
  if (!isObject(value)) throw bad(`must be an object such as {"ack": ["5-1"]}, got ${shown(value)}`);
  return value;
}

function readEntries(action: string, list: unknown, { streams }: WorkRequest): readonly NamedEntry[] {
  if (!Array.isArray(list)) throw bad(`${action} must be a list of entry ids, got ${shown(list)}`);
  const [first] = streams;
  return list.map((item: unknown): NamedEntry => {
    if (Array.isArray(item) && item.length === 2) {
      const stream = streams.find(({ name }) => name === item[0]);
      if (stream === undefined)
        throw bad(`${action} must name streams of the request, got ${shown(item[0])}`);
      return { key: stream.key, id: readId(action, item[1]) };
    }
    if (streams.length > 1 || first === undefined)
      throw bad(`${action} must contain [stream_id, entry_id] with several streams, got ${shown(item)}`);
    return { key: first.key, id: readId(action, item) };
  });
}

function readId(action: string, value: unknown): EntryId {
  const id = typeof value === "string" ? parseId(value) : undefined;
  if (id === undefined) throw bad(`${action} must contain entry ids, got ${shown(value)}`);
  return id;
}

function readInteger(name: string, value: unknown, max: number, setting?: string): number {
  if (value === undefined) return 0;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) return value;
  const bound = setting === undefined ? max : `${setting}, ${max}`;
  throw bad(`${name} must be an integer between 0 and ${bound}, got ${shown(value)}`);
}

function readText(name: string, value: unknown, max: number): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && value.length <= max) return value;
  throw bad(`${name} must be text of at most ${max} characters, got ${shown(value)}`);
}

const bad = (problem: string): GatewayError => new GatewayError("BAD_PAYLOAD", `the message ${problem}`);
