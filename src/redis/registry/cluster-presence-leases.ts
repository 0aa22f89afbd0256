/**
 * Presence leases in a cluster, where the set of connected devices, the event stream and the leases are on different nodes.
 * All leases are in one slot, so ownership is decided atomically. The set is updated after that, and the gateway that
 * changes the set writes the event. If that gateway is killed between the two steps, the event is lost.
 *
 *     :devices:leases                                time of the next check of each device, as on one server
 *     :devices:lease:{:devices:leases}:{device_id}   leases of a device, in the same slot
 */

import { DEVICES_CONNECTED, DEVICES_SEEN, deviceMetaKey, EVENT_DEVICE_CONNECTED } from "../keys.ts";
import { withGatewayErrors } from "../reply-errors.ts";
import type { Database } from "../resp/commands.ts";
import type { Reply } from "../resp/reader.ts";
import { trimTo } from "./devices.ts";
import { CLOCK, DUE, type PresenceLeases, type PresenceLeasesParts } from "./presence-leases.ts";

/** Options of `createClusterLeases`. */
export interface ClusterLeasesParts extends Omit<PresenceLeasesParts, "commands"> {
  readonly database: Database;
}

const leaseKey = (deviceId: string) => `:devices:lease:{${DUE}}:${deviceId}`;

/** KEYS: due, leases. ARGV: device, gateway, ms. Returns 1 if the gateway had no lease. */
const HOLD = `${CLOCK}
local isNew = redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[2])
redis.call('ZADD', KEYS[1], 'GT', now + ARGV[3], ARGV[1])
return isNew`;

/** KEYS: due, leases. ARGV: device, gateway. Returns 1 if a lease ended and the device must be checked. */
const RELEASE = `${CLOCK}
local ended = redis.call('ZREM', KEYS[2], ARGV[2]) + redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if ended == 0 or redis.call('ZCARD', KEYS[2]) > 0 then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[1])
return 1`;

/** KEYS: due. Returns the devices to check. */
const OVERDUE = `${CLOCK}
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)`;

/** KEYS: due, leases. ARGV: device. Returns whether a lease is left, and if so schedules the next check. */
const IS_HELD = `${CLOCK}
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if not last[2] then return 0 end
redis.call('ZADD', KEYS[1], last[2], ARGV[1])
return 1`;

/** KEYS: due, leases. ARGV: device. Cancels further checks of a disconnected device, unless it has reconnected. */
const FORGET = `if redis.call('ZCARD', KEYS[2]) == 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end`;

/** Creates the leases of one gateway. */
export function createClusterLeases(parts: ClusterLeasesParts): PresenceLeases {
  const { database, gatewayId, leaseMs, maxMetaBytes, streamMaxLength } = parts;
  /** Devices with a new lease that are not yet in the set of connected devices. */
  const unreported = new Set<string>();

  const run = (script: string, deviceId: string, ...args: readonly (string | number)[]) =>
    database.call("EVAL", script, 2, DUE, leaseKey(deviceId), deviceId, ...args);

  async function report(deviceId: string, state: object): Promise<void> {
    const data = JSON.stringify({ device_id: deviceId, ...state });
    await database.call("XADD", EVENT_DEVICE_CONNECTED, ...trimTo(streamMaxLength), "*", "d", data);
  }

  async function connect(deviceId: string): Promise<void> {
    await database.call("SADD", DEVICES_SEEN, deviceId);
    if ((await database.call("SADD", DEVICES_CONNECTED, deviceId)) !== 1) return;
    const meta = await database.call("GETRANGE", deviceMetaKey(deviceId), 0, maxMetaBytes);
    await report(deviceId, { connected: true, meta: metaOf(meta, maxMetaBytes) });
  }

  async function disconnect(deviceId: string): Promise<void> {
    if ((await database.call("SREM", DEVICES_CONNECTED, deviceId)) === 1)
      await report(deviceId, { connected: false });
  }

  /** Checks a device that may have no lease left. */
  async function check(deviceId: string): Promise<void> {
    if ((await run(IS_HELD, deviceId)) === 1) return;
    await disconnect(deviceId);
    // Another gateway may have taken it in between and found it still connected.
    if ((await run(IS_HELD, deviceId)) === 1) await connect(deviceId);
    else await run(FORGET, deviceId);
  }

  async function hold(deviceId: string): Promise<void> {
    if ((await run(HOLD, deviceId, gatewayId, leaseMs)) === 1) unreported.add(deviceId);
    if (!unreported.has(deviceId)) return;
    await connect(deviceId);
    unreported.delete(deviceId);
  }

  async function release(deviceId: string): Promise<void> {
    unreported.delete(deviceId);
    if ((await run(RELEASE, deviceId, gatewayId)) === 1) await check(deviceId);
  }

  async function reap(): Promise<void> {
    const due = await database.call("EVAL", OVERDUE, 1, DUE);
    for (const deviceId of Array.isArray(due) ? due : []) await check(String(deviceId));
  }

  return {
    hold: (deviceId) => withGatewayErrors(hold(deviceId)),
    release: (deviceId) => withGatewayErrors(release(deviceId)),
    reap: () => withGatewayErrors(reap()),
  };
}

/** Parses metadata; null if another program has stored more than `maxBytes`. */
function metaOf(reply: Reply, maxBytes: number): unknown {
  if (!Buffer.isBuffer(reply) || reply.length === 0) return {};
  if (reply.length > maxBytes) return null;
  try {
    return JSON.parse(reply.toString());
  } catch {
    // Written by another program, and not JSON.
    return {};
  }
}
