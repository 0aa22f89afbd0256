/**
 * Idempotent appends: each entry carries a number under its pusher's dedupe key, and is stored once no matter how often,
 * and through which gateways, it is sent.
 */
import { type DedupedEntry, fieldArguments } from "../../domain/streams/entry.ts";
import { TOO_OLD } from "../reply-errors.ts";
import type { Argument } from "../resp/writer.ts";
import { DEDUPE_RECORDS, DEDUPE_WINDOW, dedupeRecordKey } from "./dedupe-record.ts";

/** Time (ms) for which a record is kept after its last entry. */
const LIFETIME_MS = 24 * 3600 * 1000;

/**
 * KEYS: the stream, its record. ARGV: number, dedupe key, window, records, lifetime, and the XADD arguments after the key.
 *
 * Fields of the record, by their first character:
 *
 *     r{number}:{dedupe key}  the entry's id
 *     q{n}                    the n-th number that was stored: `{number}:{dedupe key}`
 *     p{dedupe key}           state of a pusher: its highest number, its highest dropped number, count of kept numbers
 *     h, t                    n of the oldest number and of the next one
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
  return redis.error_reply('${TOO_OLD} the number is more than ' .. ARGV[3] .. ' below the highest one')
end
local name = ARGV[1] .. ':' .. pusher
local found = redis.call('HGET', record, 'r' .. name)
if found then return found end
if number <= low then
  return redis.error_reply('${TOO_OLD} the number is older than the numbers remembered for the stream')
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
    local owner, dropped = string.sub(old, at + 1), tonumber(string.sub(old, 1, at - 1))
    local ownerTop, ownerLow, ownerKept = stateOf(owner)
    if ownerKept <= 1 then redis.call('HDEL', record, 'p' .. owner)
    else
      redis.call('HSET', record, 'p' .. owner,
        text(ownerTop) .. ' ' .. text(math.max(ownerLow, dropped)) .. ' ' .. text(ownerKept - 1))
    end
  end
  first = first + 1
  redis.call('HSET', record, 'h', text(first))
end
redis.call('PEXPIRE', record, ARGV[5])
return id`;

/** Returns the command. @param trim the XADD arguments that trim the stream */
export function dedupedCommand(
  { key, id, data, fields, dedupe }: DedupedEntry,
  trim: readonly string[],
): readonly Argument[] {
  return [
    ...["EVAL", SCRIPT, "2", key, dedupeRecordKey(key)],
    ...[
      String(dedupe.number),
      dedupe.key,
      String(DEDUPE_WINDOW),
      String(DEDUPE_RECORDS),
      String(LIFETIME_MS),
    ],
    ...[...trim, id, "d", data, ...fieldArguments(fields)],
  ];
}
