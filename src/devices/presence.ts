/**
 * Device presence. A device is connected from its first socket until its last socket closes, or until none of them has sent
 * anything within the timeout. Gateways agree by leases in Redis: each gateway renews the lease of a device while it has a
 * socket of it. So presence is correct with any number of gateways, and after one is killed.
 */
import type { Logger } from "../domain/logger.ts";
import type { PresenceLeases } from "../redis/registry/presence-leases.ts";

/** One socket of a device. */
export interface DeviceConnection {
  /** Call when the device has sent something. Cheap enough to call for each message. */
  touch(): void;
  /** Call when the socket has closed. */
  close(): void;
}

/** Presence of the devices of this gateway. */
export interface Presence {
  /**
   * Call when a device has opened a socket.
   *
   * @param ping sends a ping, which the device answers; called if the device has sent nothing for a while
   */
  open(deviceId: string, ping: () => void): DeviceConnection;
  /** Disconnects all devices of this gateway. Resolves when Redis has confirmed all disconnects, including earlier ones. */
  close(): Promise<void>;
}

/** Dependencies of presence. */
export interface PresenceParts {
  readonly leases: PresenceLeases;
  /** `DEVICE_TIMEOUT`, in ms. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

interface Socket {
  readonly ping: () => void;
  wasActive: boolean;
  /** Time of the last check at which the socket had been active, in ms of `performance.now()`. */
  activeAt: number;
}

interface Device {
  readonly sockets: Set<Socket>;
  /** Whether this gateway holds the lease, as far as it knows. */
  isHeld: boolean;
}

/** Checks per timeout; each renews the leases and pings silent sockets. */
const CHECKS_PER_TIMEOUT = 3;

/** Starts presence. It also expires the leases of gateways that ended without releasing them. */
export function createPresence({ leases, timeoutMs, logger }: PresenceParts): Presence {
  const devices = new Map<string, Device>();
  /** Releases in flight, including those of devices whose last socket has closed. `close` waits for them. */
  const releasing = new Set<Promise<void>>();
  const checking = setInterval(check, timeoutMs / CHECKS_PER_TIMEOUT);
  const attempt = (what: Promise<void>): Promise<void> =>
    // A failed renewal is retried at the next check; a lease that could not be released expires.
    what.catch((error) => logger.debug({ err: error }, "cannot update presence in Redis"));

  function check(): void {
    const now = performance.now();
    for (const [id, device] of devices) {
      let isPresent = false;
      // Check all sockets, because each silent one needs a ping.
      for (const socket of device.sockets) isPresent = isActive(socket, now) || isPresent;
      if (isPresent) hold(id, device);
      else if (device.isHeld) release(id, device);
    }
    attempt(leases.reap());
  }

  function isActive(socket: Socket, now: number): boolean {
    if (socket.wasActive) socket.activeAt = now;
    else socket.ping();
    socket.wasActive = false;
    return now - socket.activeAt < timeoutMs;
  }

  function hold(id: string, device: Device): Promise<void> {
    device.isHeld = true;
    return attempt(leases.hold(id));
  }

  function release(id: string, device: Device): void {
    device.isHeld = false;
    const released = attempt(leases.release(id)).finally(() => releasing.delete(released));
    releasing.add(released);
  }

  check();
  return {
    open(id, ping) {
      const socket: Socket = { ping, wasActive: false, activeAt: performance.now() };
      const device: Device = devices.get(id) ?? { sockets: new Set(), isHeld: false };
      devices.set(id, device);
      device.sockets.add(socket);
      if (!device.isHeld) hold(id, device);
      return {
        touch() {
          socket.wasActive = true;
          if (!device.isHeld && devices.get(id) === device) hold(id, device);
        },
        close() {
          device.sockets.delete(socket);
          if (device.sockets.size > 0 || devices.get(id) !== device) return;
          devices.delete(id);
          if (device.isHeld) release(id, device);
        },
      };
    },
    async close() {
      clearInterval(checking);
      for (const [id, device] of devices) if (device.isHeld) release(id, device);
      devices.clear();
      await Promise.all(releasing);
    },
  };
}
