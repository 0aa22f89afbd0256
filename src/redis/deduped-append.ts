/**
 * Appends that may be repeated: an entry has a number under its pusher's key, and is stored once however often, and
 * through whichever gateway, it is sent. What is known of a key is in Redis, beside the stream, and changes in one step
 * with it: the numbers stored last, with their ids, for a day after the last one.
 */
import { type DedupedEntry, fieldArguments } from "../domain/entry.ts";
import { hashTagOf, tagFor } from "./cluster/slots.ts";
import type { Argument } from "./command-writer.ts";

/** How far back, in numbers of its key, an entry may lie and still be recognised or stored. */
export const DEDUPE_WINDOW = 10_000;
/** How long (ms) a key is remembered after its last entry. */
const LIFE_MS = 24 * 3600 * 1000;

/** The first word of Redis' answer to an entry of which nothing is known any more. */
export const TOO_OLD = "DEDUPETOOOLD";

/**
 * KEYS: the stream, what is known. ARGV: number, window, life, and the rest of XADD. Known are members `id` by score
 * `number`: a sorted set, since of one stream there may be only some of a pusher's numbers.
 */
const SCRIPT = `
local stream, known, number = KEYS[1], KEYS[2], tonumber(ARGV[1])
local found = redis.call('ZRANGEBYSCORE', known, ARGV[1], ARGV[1])
if found[1] then return found[1] end
local top = redis.call('ZRANGE', known, -1, -1, 'WITHSCORES')
if top[2] and number <= tonumber(top[2]) - tonumber(ARGV[2]) then
  return redis.error_reply('${TOO_OLD} it lies more than ' .. ARGV[2] .. ' entries back')
end
local id = redis.pcall('XADD', stream, unpack(ARGV, 4))
if type(id) == 'table' then return id end
redis.call('ZADD', known, ARGV[1], id)
redis.call('ZREMRANGEBYSCORE', known, '-inf', number - tonumber(ARGV[2]))
redis.call('PEXPIRE', known, ARGV[3])
return id`;

/** The command. @param trim the arguments of XADD that keep the stream short */
export function dedupedCommand(
  { key, id, data, fields, dedupe }: DedupedEntry,
  trim: readonly string[],
): readonly Argument[] {
  const known = `:dedupe:${inItsSlot(key)}:${dedupe.key}`;
  return [
    ...["EVAL", SCRIPT, "2", key, known],
    ...[String(dedupe.number), String(DEDUPE_WINDOW), String(LIFE_MS)],
    ...[...trim, id, "d", data, ...fieldArguments(fields)],
  ];
}

/** A stream's key so that what begins with it is in its slot: a script's keys are in one slot of a cluster. */
function inItsSlot(key: string): string {
  if (hashTagOf(key) !== undefined) return key;
  const tag = tagFor(key);
  return tag === key ? `{${key}}` : `{${tag}}${key}`;
}
