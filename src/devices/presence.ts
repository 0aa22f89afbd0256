/**
 * Who is there: devices whose sockets this gateway has. A device is connected from its first socket to the end of its
 * last one, or until nothing has come from any of them for the timeout. Gateways agree by leases in Redis, which this
 * one renews while it has a socket; so it does not matter which of them a device is on, or whether one is killed.
 */
import type { Logger } from "../domain/logger.ts";
import type { PresenceLeases } from "../redis/presence-leases.ts";

/** One socket of a device. */
export interface DeviceConnection {
  /** Something came from it. Cheap enough for each message. */
  touch(): void;
  /** It is gone. */
  close(): void;
}

/** Keeps who is there. */
export interface Presence {
  /**
   * A device opened a socket.
   *
   * @param ask makes it answer, when nothing came from it for a while
   */
  open(deviceId: string, ask: () => void): DeviceConnection;
  /** Disconnects all devices of this gateway. Resolves when Redis has answered for each device that left, also before. */
  close(): Promise<void>;
}

/** What presence is made of. */
export interface PresenceParts {
  readonly leases: PresenceLeases;
  /** `DEVICE_TIMEOUT`, in ms. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

interface Attendee {
  readonly ask: () => void;
  wasHeard: boolean;
  /** When something had come at the last look, in ms of `performance.now()`. */
  heardAt: number;
}

interface Device {
  readonly attendees: Set<Attendee>;
  /** Whether the lease is ours, as far as is known. */
  isHeld: boolean;
}

/** How many times within the timeout leases are renewed and quiet sockets asked. */
const LOOKS_PER_TIMEOUT = 3;

/** Keeps presence, and ends what others left behind, from now on. */
export function createPresence({ leases, timeoutMs, logger }: PresenceParts): Presence {
  const devices = new Map<string, Device>();
  /** Releases under way: also of devices whose last socket has closed. A stop waits for them. */
  const releasing = new Set<Promise<void>>();
  const looking = setInterval(look, timeoutMs / LOOKS_PER_TIMEOUT);
  const attempt = (what: Promise<void>): Promise<void> =>
    // A lease that could not be renewed is tried again at the next look; one that was not given back runs out.
    what.catch((error) => logger.debug({ err: error }, "presence could not be told to Redis"));

  function look(): void {
    const now = performance.now();
    for (const [id, device] of devices) {
      let isHere = false;
      // All of them, since each is asked.
      for (const attendee of device.attendees) isHere = isHeard(attendee, now) || isHere;
      if (isHere) hold(id, device);
      else if (device.isHeld) release(id, device);
    }
    attempt(leases.reap());
  }

  function isHeard(attendee: Attendee, now: number): boolean {
    if (attendee.wasHeard) attendee.heardAt = now;
    else attendee.ask();
    attendee.wasHeard = false;
    return now - attendee.heardAt < timeoutMs;
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

  look();
  return {
    open(id, ask) {
      const attendee: Attendee = { ask, wasHeard: false, heardAt: performance.now() };
      const device: Device = devices.get(id) ?? { attendees: new Set(), isHeld: false };
      devices.set(id, device);
      device.attendees.add(attendee);
      if (!device.isHeld) hold(id, device);
      return {
        touch() {
          attendee.wasHeard = true;
          if (!device.isHeld && devices.get(id) === device) hold(id, device);
        },
        close() {
          device.attendees.delete(attendee);
          if (device.attendees.size > 0 || devices.get(id) !== device) return;
          devices.delete(id);
          if (device.isHeld) release(id, device);
        },
      };
    },
    async close() {
      clearInterval(looking);
      for (const [id, device] of devices) if (device.isHeld) release(id, device);
      devices.clear();
      await Promise.all(releasing);
    },
  };
}
