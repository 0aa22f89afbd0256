/**
 * Appends that may be repeated: an entry has a number under its pusher's dedupe key, and is stored once however often, and
 * through whichever gateway, it is sent.
 */
import { type DedupedEntry, fieldArguments } from "../../domain/entry.ts";
import type { Argument } from "../resp/writer.ts";
import { DEDUPE_RECORDS, DEDUPE_WINDOW, dedupeRecordKey } from "./dedupe-record.ts";

/** Time (ms) after its last entry for which a record is kept. */
const LIFE_MS = 24 * 3600 * 1000;

/** First word of Redis's error for an entry that is too old to be recognised. */
export const TOO_OLD = "DEDUPETOOOLD";

/**
 * KEYS: the stream, its record. ARGV: number, dedupe key, window, records, life, and the arguments of XADD after the key.
 *
 * Fields of the record, of which the first character says what they are:
 *
 *     r{number}:{dedupe key}  the entry's id
 *     q{n}                    the n-th number that was stored: `{number}:{dedupe key}`
 *     p{dedupe key}           of a pusher: its highest number, its highest number that was dropped, numbers kept
 *     h, t                    n of the oldest and of the next number
 */
const SCRIPT = `
local stream, record, number, pusher = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2]
local function stateOf(name)
  local state = redis.call('HGET', record, 'p' .. name) or ''
  local top, low, kept = string.match(state, '^(%S+) (%S+) (%d+)$')
  return tonumber(top or -1), tonumber(low or -1), tonumber(kept or 0)
end
local function text(value) return string.format('%.0f', value) end
local top, low, kept = stateOf(pusher)
if number <= top - tonumber(ARGV[3]) then
  return redis.error_reply('${TOO_OLD} it lies more than ' .. ARGV[3] .. ' entries back')
end
local name = ARGV[1] .. ':' .. pusher
local found = redis.call('HGET', record, 'r' .. name)
if found then return found end
if number <= low then
  return redis.error_reply('${TOO_OLD} it is older than what is remembered of its stream')
end
local id = redis.pcall('XADD', stream, unpack(ARGV, 6))
if type(id) == 'table' then return id end
local ends = redis.call('HMGET', record, 'h', 't')
local first, last = tonumber(ends[1] or 0), tonumber(ends[2] or 0)
redis.call('HSET', record, 'r' .. name, id, 'q' .. text(last), name, 't', text(last + 1),
  'p' .. pusher, text(math.max(top, number)) .. ' ' .. text(low) .. ' ' .. text(kept + 1))
while last + 1 - first > tonumber(ARGV[4]) do
  local old = redis.call('HGET', record, 'q' .. text(first)) or ''
  redis.call('HDEL', record, 'q' .. text(first), 'r' .. old)
  local at = string.find(old, ':', 1, true)
  if at then
    local owner, gone = string.sub(old, at + 1), tonumber(string.sub(old, 1, at - 1))
    local ownerTop, ownerLow, ownerKept = stateOf(owner)
    if ownerKept <= 1 then redis.call('HDEL', record, 'p' .. owner)
    else
      redis.call('HSET', record, 'p' .. owner,
        text(ownerTop) .. ' ' .. text(math.max(ownerLow, gone)) .. ' ' .. text(ownerKept - 1))
    end
  end
  first = first + 1
  redis.call('HSET', record, 'h', text(first))
end
redis.call('PEXPIRE', record, ARGV[5])
return id`;

/** Returns the command. @param trim the arguments of XADD that keep the stream short */
export function dedupedCommand(
  { key, id, data, fields, dedupe }: DedupedEntry,
  trim: readonly string[],
): readonly Argument[] {
  return [
    ...["EVAL", SCRIPT, "2", key, dedupeRecordKey(key)],
    ...[String(dedupe.number), dedupe.key, String(DEDUPE_WINDOW), String(DEDUPE_RECORDS), String(LIFE_MS)],
    ...[...trim, id, "d", data, ...fieldArguments(fields)],
  ];
}
