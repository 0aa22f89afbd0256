/**
 * Scripts of consumer groups. Each one checks that an entry still belongs to the consumer before it changes it, which Redis
 * does not: `XACK` and `XCLAIM` act on the entry of any consumer.
 *
 * KEYS: the stream, and the dead-letter stream if the script moves entries there. ARGV: the group, then the arguments of each
 * script. An entry is passed as its id and the delivery count with which the consumer received it; an empty count matches any.
 * The entries of a consumer are in the order of their ids.
 */
import { scriptOf } from "./script.ts";

/** Consumer that holds returned entries until another consumer claims them. */
export const RELEASED = "released";

/** Prefix of the names that the gateway gives to consumers; they are removed once they hold nothing. */
export const UNNAMED = "auto:";

/** Maximum number of entries that one script acknowledges. It takes about 1 ms, in which Redis serves no other client. */
export const MAX_SETTLED = 1000;

/** Maximum number of entries that one script moves or claims. It takes about 2 ms: each entry requires two commands. */
export const MAX_MOVED = 250;

/**
 * `pendingOf` looks up all entries of a consumer between two ids at once, up to twice the number of its arguments; `countsOf` turns
 * them into a table by id. If it holds many others between them, `owned` looks up those that were not found.
 */
const OWNED = `
local stream, group = KEYS[1], ARGV[1]
local function pendingOf(consumer, first, last, size)
  return redis.call('XPENDING', stream, group, first, last, 2 * size, consumer)
end
local function countsOf(found, size)
  local counts = {isComplete = #found < 2 * size}
  for _, one in ipairs(found) do counts[one[1]] = one[4] end
  return counts
end
local function countsOfPairs(consumer, from, to)
  if to < from then return {} end
  local size = (to - from + 1) / 2
  return countsOf(pendingOf(consumer, ARGV[from], ARGV[to - 1], size), size)
end
local function owned(counts, consumer, id, n)
  local count = counts[id]
  if count == nil and not counts.isComplete then
    local one = redis.call('XPENDING', stream, group, id, id, 1, consumer)[1]
    count = one and one[4]
  end
  counts[id] = false
  if count and (n == '' or count == tonumber(n)) then return count end
end`;

/** Appends an entry to the dead-letter stream, then acknowledges it. `unpack` takes a few thousand values at most. */
const DEAD_LETTER = `
local function dead_letter(id, n, fields, reason)
  local added = redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', max_length, '*',
    'stream', stream, 'id', id, 'n', n, 'reason', reason, unpack(fields, 1, math.min(#fields, 7000)))
  if type(added) == 'table' then return added.err end
  redis.call('XACK', stream, group, id)
  if deletes == '1' then redis.call('XDEL', stream, id) end
end`;

/**
 * Acknowledges entries of several consumers. ARGV: for each consumer its name, `1` to delete its entries, the delivery count of
 * all of them, their number, and their ids. Replies for each consumer the ids that no longer belong to it.
 *
 * Usually a consumer acknowledges all entries that it holds between the first and the last one. Comparing them in order takes
 * half as long as looking up each one.
 */
export const ACK = scriptOf(`${OWNED}
local args, replies, at = ARGV, {}, 2
local function areFound(found, from, size, count)
  if #found ~= size then return false end
  for i = 1, size do
    local one = found[i]
    if one[1] ~= args[from + i - 1] or (count and one[4] ~= count) then return false end
  end
  return true
end
while at < #args do
  local consumer, n, size = args[at], args[at + 2], tonumber(args[at + 3])
  local from, to = at + 4, at + 3 + size
  local found, late = pendingOf(consumer, args[from], args[to], size), {}
  local mine, first, last = args, from, to
  if not areFound(found, from, size, tonumber(n)) then
    local counts = countsOf(found, size)
    mine, first = {}, 1
    for i = from, to do
      local list = owned(counts, consumer, args[i], n) and mine or late
      list[#list + 1] = args[i]
    end
    last = #mine
  end
  if first <= last then
    redis.call('XACK', stream, group, unpack(mine, first, last))
    if args[at + 1] == '1' then redis.call('XDEL', stream, unpack(mine, first, last)) end
  end
  replies[#replies + 1] = late
  at = to + 1
end
return replies`);

/**
 * Moves entries to a consumer with an idle time. ARGV: the consumer that holds them; that consumer; the idle time in ms; `1` to
 * take back the delivery from the count; `1` to remove the former consumer if it holds nothing; id and count of each entry.
 * Replies the ids that no longer belong to the consumer, and those that were trimmed. If the delivery is taken back, trimmed
 * entries remain: their consumer ends, and a later scan reports them to another one.
 */
export const MOVE = scriptOf(`${OWNED}
local consumer, late, lost = ARGV[2], {}, {}
local counts = countsOfPairs(consumer, 7, #ARGV)
for i = 7, #ARGV, 2 do
  local id = ARGV[i]
  local n = owned(counts, consumer, id, ARGV[i + 1])
  if not n then late[#late + 1] = id
  elseif #redis.call('XRANGE', stream, id, id) == 0 then
    if ARGV[5] ~= '1' then
      redis.call('XACK', stream, group, id)
      lost[#lost + 1] = id
    end
  elseif ARGV[5] == '1' then
    redis.call('XCLAIM', stream, group, ARGV[3], 0, id, 'IDLE', ARGV[4], 'RETRYCOUNT', math.max(n - 1, 0), 'JUSTID')
  else redis.call('XCLAIM', stream, group, ARGV[3], 0, id, 'IDLE', ARGV[4], 'JUSTID') end
end
if ARGV[6] == '1' and #redis.call('XPENDING', stream, group, '-', '+', 1, consumer) == 0 then
  redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer)
end
return {late, lost}`);

/**
 * Moves entries to the dead-letter stream at the request of their consumer. ARGV: the consumer; `1` to delete acknowledged
 * entries; the maximum length of the dead-letter stream; the reason; id and count of each entry. Replies the late ids, those
 * that were trimmed, and an error or an empty text.
 */
export const TERM = scriptOf(`${OWNED}
local consumer, deletes, max_length, problem = ARGV[2], ARGV[3], ARGV[4], ''
${DEAD_LETTER}
local counts, late, lost = countsOfPairs(consumer, 6, #ARGV), {}, {}
for i = 6, #ARGV, 2 do
  local id = ARGV[i]
  local n = owned(counts, consumer, id, ARGV[i + 1])
  if not n then late[#late + 1] = id
  else
    local found = redis.call('XRANGE', stream, id, id)[1]
    if found then problem = dead_letter(id, n, found[2], ARGV[5]) or problem
    else
      redis.call('XACK', stream, group, id)
      lost[#lost + 1] = id
    end
  end
end
return {late, lost, problem}`);

/**
 * Claims entries that were idle for too long. ARGV: the consumer; `1` to delete acknowledged entries; the maximum length
 * of the dead-letter stream; minimum idle time in ms; maximum number of entries, and of deliveries. Replies the claimed entries
 * as `[id, fields, count, former consumer]`; the ids that were trimmed; the number of dead letters; the number of pending
 * entries; and an error or an empty text. Consumers that the gateway named and that hold no entries are removed: their gateway
 * was killed.
 */
export const RECLAIM = scriptOf(`
local stream, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local deletes, max_length, problem = ARGV[3], ARGV[4], ''
${DEAD_LETTER}
local taken, lost, dead, owners = {}, {}, 0, {}
for _, one in ipairs(redis.call('XPENDING', stream, group, 'IDLE', ARGV[5], '-', '+', ARGV[6])) do
  local id, owner, n = one[1], one[2], one[4]
  local found = redis.call('XRANGE', stream, id, id)[1]
  owners[owner] = true
  if not found then
    redis.call('XACK', stream, group, id)
    lost[#lost + 1] = id
  elseif n >= tonumber(ARGV[7]) then
    local failed = dead_letter(id, n, found[2], 'max_deliver')
    if failed then problem = failed else dead = dead + 1 end
  else
    redis.call('XCLAIM', stream, group, consumer, 0, id, 'RETRYCOUNT', n + 1, 'JUSTID')
    taken[#taken + 1] = {id, found[2], n + 1, owner}
  end
end
for owner in pairs(owners) do
  if owner ~= consumer and string.sub(owner, 1, ${UNNAMED.length}) == '${UNNAMED}'
    and #redis.call('XPENDING', stream, group, '-', '+', 1, owner) == 0 then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, owner)
  end
end
return {taken, lost, dead, redis.call('XPENDING', stream, group)[1], problem}`);
