/**
 * The leases of `presence-leases.ts` in a cluster, where the set of connected devices, the stream of their events and the
 * leases are on different nodes. The leases are in one slot, so who has one is decided in one step; the set is brought in
 * line with it after that, and whoever changes the set writes the event. Between the two a gateway that is killed
 * takes the event with it.
 *
 *     :devices:leases                                when to look at each device, as on one server
 *     :devices:lease:{:devices:leases}:{device_id}   a device's leases, in the slot of that
 */

import { DEVICES_CONNECTED, DEVICES_SEEN, deviceMetaKey, EVENT_DEVICE_CONNECTED } from "../keys.ts";
import { refusing } from "../reply-errors.ts";
import type { Database } from "../resp/commands.ts";
import type { Reply } from "../resp/reader.ts";
import { trimTo } from "./devices.ts";
import { CLOCK, DUE, type PresenceLeases, type PresenceLeasesParts } from "./presence-leases.ts";

/** What leases are made of. */
export interface ClusterLeasesParts extends Omit<PresenceLeasesParts, "commands"> {
  readonly database: Database;
}

const leaseKey = (deviceId: string) => `:devices:lease:{${DUE}}:${deviceId}`;

/** KEYS: due, leases. ARGV: device, gateway, ms. Answers 1 where the gateway had none. */
const HOLD = `${CLOCK}
local isNew = redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[2])
redis.call('ZADD', KEYS[1], 'GT', now + ARGV[3], ARGV[1])
return isNew`;

/** KEYS: due, leases. ARGV: device, gateway. Answers 1 where a lease ended, and it is time to look at the device. */
const RELEASE = `${CLOCK}
local ended = redis.call('ZREM', KEYS[2], ARGV[2]) + redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if ended == 0 or redis.call('ZCARD', KEYS[2]) > 0 then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[1])
return 1`;

/** KEYS: due. Answers devices to look at. */
const OVERDUE = `${CLOCK}
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)`;

/** KEYS: due, leases. ARGV: device. Answers whether somebody has the device; and if so when to look again is known. */
const IS_HELD = `${CLOCK}
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if not last[2] then return 0 end
redis.call('ZADD', KEYS[1], last[2], ARGV[1])
return 1`;

/** KEYS: due, leases. ARGV: device. Looked at and found gone: nobody has to look again, unless it came back. */
const FORGET = `if redis.call('ZCARD', KEYS[2]) == 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end`;

/** Makes the leases of one gateway. */
export function createClusterLeases(parts: ClusterLeasesParts): PresenceLeases {
  const { database, gatewayId, leaseMs, streamMaxLength } = parts;
  /** Devices whose lease is new and that could not be put among the connected yet. */
  const untold = new Set<string>();

  const run = (script: string, deviceId: string, ...args: readonly (string | number)[]) =>
    database.call("EVAL", script, 2, DUE, leaseKey(deviceId), deviceId, ...args);

  async function tell(deviceId: string, state: object): Promise<void> {
    const data = JSON.stringify({ device_id: deviceId, ...state });
    await database.call("XADD", EVENT_DEVICE_CONNECTED, ...trimTo(streamMaxLength), "*", "d", data);
  }

  async function come(deviceId: string): Promise<void> {
    await database.call("SADD", DEVICES_SEEN, deviceId);
    if ((await database.call("SADD", DEVICES_CONNECTED, deviceId)) !== 1) return;
    const meta = await database.call("GET", deviceMetaKey(deviceId));
    await tell(deviceId, { connected: true, meta: metaOf(meta) });
  }

  async function leave(deviceId: string): Promise<void> {
    if ((await database.call("SREM", DEVICES_CONNECTED, deviceId)) === 1)
      await tell(deviceId, { connected: false });
  }

  /** Nobody may have the device any more. */
  async function look(deviceId: string): Promise<void> {
    if ((await run(IS_HELD, deviceId)) === 1) return;
    await leave(deviceId);
    // Somebody may have taken it between the two, and found it connected still.
    if ((await run(IS_HELD, deviceId)) === 1) await come(deviceId);
    else await run(FORGET, deviceId);
  }

  async function hold(deviceId: string): Promise<void> {
    if ((await run(HOLD, deviceId, gatewayId, leaseMs)) === 1) untold.add(deviceId);
    if (!untold.has(deviceId)) return;
    await come(deviceId);
    untold.delete(deviceId);
  }

  async function release(deviceId: string): Promise<void> {
    untold.delete(deviceId);
    if ((await run(RELEASE, deviceId, gatewayId)) === 1) await look(deviceId);
  }

  async function reap(): Promise<void> {
    const due = await database.call("EVAL", OVERDUE, 1, DUE);
    for (const deviceId of Array.isArray(due) ? due : []) await look(String(deviceId));
  }

  return {
    hold: (deviceId) => refusing(hold(deviceId)),
    release: (deviceId) => refusing(release(deviceId)),
    reap: () => refusing(reap()),
  };
}

function metaOf(reply: Reply): unknown {
  try {
    return Buffer.isBuffer(reply) ? JSON.parse(reply.toString()) : {};
  } catch {
    // Written by another program, and no JSON.
    return {};
  }
}
