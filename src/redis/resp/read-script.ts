/**
 * Runs the reads of a transaction as one script. A Redis that has reached `maxmemory` rejects every command after
 * `MULTI`, even reads. It still runs scripts, which are as atomic, but cost more because payloads pass through Lua.
 */

import { keyOf } from "./command-key.ts";
import type { Argument } from "./writer.ts";

const READS: ReadonlySet<unknown> = new Set(["EVAL", "XINFO", "XLEN", "XRANGE", "XREAD", "XREVRANGE"]);

/** ARGV: for each command its number of arguments, then the arguments. An `EVAL` runs within this script. */
const SCRIPT = `local replies, at = {}, 1
while at <= #ARGV do
  local last = at + tonumber(ARGV[at])
  if ARGV[at + 1] == 'EVAL' then
    local lastKey = at + 3 + tonumber(ARGV[at + 3])
    local run = loadstring('local KEYS, ARGV = ...\\n' .. ARGV[at + 2])
    replies[#replies + 1] = run({unpack(ARGV, at + 4, lastKey)}, {unpack(ARGV, lastKey + 1, last)})
  else
    replies[#replies + 1] = redis.pcall(unpack(ARGV, at + 1, last)) or false
  end
  at = last + 1
end
return replies`;

/** Whether commands may run as a script. Writes may not: if one fails, those before it have already taken effect. */
export const areReads = (commands: readonly (readonly Argument[])[]): boolean =>
  commands.every(([name]) => READS.has(name));

/** Returns the script that runs reads. Its reply is the list of their replies. */
export function readScript(commands: readonly (readonly Argument[])[]): readonly Argument[] {
  // `CLIENT TRACKING` follows the keys that a script declares.
  const keys = [...new Set(commands.map(keyOf))];
  return [
    "EVAL",
    SCRIPT,
    keys.length,
    ...keys,
    ...commands.flatMap((command) => [command.length, ...command]),
  ];
}
