/**
 * Presence leases: while a gateway serves a device it holds and renews a lease. An expired lease, such as that of a killed
 * gateway, is ended by the first gateway that checks. Each step is one script, so that the set of connected devices changes,
 * and its event is written, exactly once, even with concurrent gateways.
 *
 *     :devices:lease:{device_id}   sorted set: gateway → expiry of its lease, ms on the clock of Redis
 *     :devices:leases              sorted set: device → time of the next check for expired leases
 */

import { DEVICES_CONNECTED, DEVICES_SEEN, deviceMetaKey, EVENT_DEVICE_CONNECTED } from "../keys.ts";
import { withGatewayErrors } from "../reply-errors.ts";
import type { Commands } from "../resp/commands.ts";

/** Presence shared between gateways. All methods throw `GatewayError` if Redis is unavailable. */
export interface PresenceLeases {
  /** Takes or renews a lease. A device without leases becomes connected, unless it was reported as connected before. */
  hold(deviceId: string): Promise<void>;
  /** Releases a lease. A device without leases is disconnected, unless it was reported as disconnected before. */
  release(deviceId: string): Promise<void>;
  /** Ends expired leases of any gateway. */
  reap(): Promise<void>;
}

/** Options of `createPresenceLeases`. */
export interface PresenceLeasesParts {
  readonly commands: Commands;
  /** Unique per process start. */
  readonly gatewayId: string;
  readonly leaseMs: number;
  /** `MAX_META_BYTES`. Events lack larger metadata, which another program has stored. */
  readonly maxMetaBytes: number;
  /** `REDIS_STREAM_MAXLEN`, for the events; 0 keeps all. */
  readonly streamMaxLength: number;
}

/** Time of the next check of each device. */
export const DUE = ":devices:leases";
const LEASE_PREFIX = ":devices:lease:";

/** Reads the clock of Redis, since the clocks of gateways may differ. */
export const CLOCK = `local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
`;

/** Common part of the scripts: the clock, and the event of a change. */
const COMMON = `local connected, events, due = KEYS[1], KEYS[2], KEYS[3]
${CLOCK}local function tell(device, rest)
  local text = '{"device_id":' .. cjson.encode(device) .. rest .. '}'
  if ARGV[1] == '0' then redis.call('XADD', events, '*', 'd', text)
  else redis.call('XADD', events, 'MAXLEN', '~', ARGV[1], '*', 'd', text) end
end
local function gone(device)
  redis.call('ZREM', due, device)
  if redis.call('SREM', connected, device) == 1 then tell(device, ',"connected":false') end
end
`;

/** KEYS from 4: the device's leases, the devices seen, its metadata. ARGV from 2: the device, the gateway, ms, `MAX_META_BYTES`. */
const HOLD = `${COMMON}
local device, gateway, untilMs = ARGV[2], ARGV[3], now + ARGV[4]
local isNew = redis.call('ZADD', KEYS[4], untilMs, gateway) == 1
redis.call('ZADD', due, 'GT', untilMs, device)
if not isNew then return end
redis.call('SADD', KEYS[5], device)
if redis.call('SADD', connected, device) == 1 then
  local meta = redis.call('STRLEN', KEYS[6]) > tonumber(ARGV[5]) and 'null' or redis.call('GET', KEYS[6]) or '{}'
  tell(device, ',"connected":true,"meta":' .. meta)
end`;

/** KEYS from 4: the device's leases. ARGV from 2: the device, the gateway. */
const RELEASE = `${COMMON}
local ended = redis.call('ZREM', KEYS[4], ARGV[3]) + redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)
if ended > 0 and redis.call('ZCARD', KEYS[4]) == 0 then gone(ARGV[2]) end`;

/** ARGV from 2: prefix of the lease keys. Checks a limited number at a time, to keep the script short. */
const REAP = `${COMMON}
for _, device in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, 100)) do
  local leases = ARGV[2] .. device
  redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
  local last = redis.call('ZREVRANGE', leases, 0, 0, 'WITHSCORES')
  if last[2] then redis.call('ZADD', due, last[2], device) else gone(device) end
end`;

/** Creates the leases of one gateway. */
export function createPresenceLeases(parts: PresenceLeasesParts): PresenceLeases {
  const { commands, gatewayId, leaseMs, maxMetaBytes, streamMaxLength } = parts;
  const shared = [DEVICES_CONNECTED, EVENT_DEVICE_CONNECTED, DUE];

  async function run(script: string, keys: readonly string[], args: readonly (string | number)[]) {
    const all = [...shared, ...keys];
    await withGatewayErrors(commands.call("EVAL", script, all.length, ...all, streamMaxLength, ...args));
  }

  return {
    hold: (id) =>
      run(HOLD, [LEASE_PREFIX + id, DEVICES_SEEN, deviceMetaKey(id)], [id, gatewayId, leaseMs, maxMetaBytes]),
    release: (id) => run(RELEASE, [LEASE_PREFIX + id], [id, gatewayId]),
    reap: () => run(REAP, [], [LEASE_PREFIX]),
  };
}
