/**
 * Script that creates a group again, with the stream if that does not exist, and decides whether the stream is the same as
 * before. It is another one if its last id is lower than the position, if it has another entry there, or if it never had one: older
 * entries exist, so the entry was not trimmed, and no entry from there on was deleted.
 *
 * KEYS: the stream. ARGV: the group; the id of the last entry that the group has read, or after which it was to begin; the mark
 * of that entry (`markOf`) if it was read, empty for none.
 */
import { LUA_MARK_OF } from "../../tail/stream-facts.ts";
import { scriptOf } from "./script.ts";

/** The script. */
export const RECREATE = scriptOf(`
local stream, group, position, mark = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local function isLess(id, other)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  local otherMs, otherSeq = string.match(other, '^(%d+)-(%d+)$')
  if ms == otherMs then ms, otherMs = seq, otherSeq end
  if #ms ~= #otherMs then return #ms < #otherMs end
  return ms < otherMs
end
${LUA_MARK_OF}
local function isAnother()
  local info, facts = redis.pcall('XINFO', 'STREAM', stream), {}
  if info.err then return true end
  for i = 1, #info, 2 do facts[info[i]] = info[i + 1] end
  if isLess(facts['last-generated-id'], position) then return true end
  if not mark then return false end
  local at = redis.call('XRANGE', stream, position, position)[1]
  if at then return (markOf(at[2]) or '') ~= mark end
  local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  local deleted = facts['max-deleted-entry-id']
  return oldest and deleted and isLess(oldest[1], position) and isLess(deleted, position)
end
local created = redis.pcall('XGROUP', 'CREATE', stream, group, isAnother() and '0' or position, 'MKSTREAM')
if created.err and not string.find(created.err, 'BUSYGROUP', 1, true) then return redis.error_reply(created.err) end
return 0`);
