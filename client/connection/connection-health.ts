/**
 * Health of an open connection. Reports that Redis is unavailable, and that a message from the gateway is overdue, because
 * the gateway hangs or the network drops packets.
 */
import type { StatusNotice } from "../../src/wire/notices/status-notice.ts";
import type { Status } from "../gateway/gateway.ts";

/** Watches the connections of one pull or push, one after the other. */
export interface ConnectionHealth {
  /** Whether a connection was open before. */
  readonly wasOpen: boolean;
  /** Starts to watch a new connection. */
  opened(): void;
  /** Records a received message. */
  messageReceived(): void;
  /** Records a status message of the gateway. */
  redisChanged(notice: StatusNotice): void;
  closed(): void;
}

/** Longest time without a message that is due, ms. */
const STALL_MS = 2_750;
const CHECK_MS = 250;

/**
 * Creates a health watch.
 *
 * @param isDue whether a message from the gateway is due, if Redis is available
 */
export function watchHealth(isDue: () => boolean, onStatus: (status: Status) => void): ConnectionHealth {
  let redisUnavailableSince: Date | undefined;
  let lastMessageAt: Date;
  /** Consecutive checks without a due message. Counting checks ignores time during which the page itself was suspended. */
  let overdueChecks: number;
  let isStalled: boolean;
  let wasOpen = false;
  let timer: ReturnType<typeof setInterval>;

  const report = () =>
    onStatus(
      redisUnavailableSince === undefined
        ? { state: "open" }
        : { state: "redis-unavailable", since: redisUnavailableSince },
    );
  const messageReceived = () => {
    lastMessageAt = new Date();
    overdueChecks = 0;
    if (isStalled) report();
    isStalled = false;
  };
  const check = () => {
    overdueChecks = redisUnavailableSince === undefined && isDue() ? overdueChecks + 1 : 0;
    if (isStalled || overdueChecks * CHECK_MS < STALL_MS) return;
    isStalled = true;
    onStatus({ state: "silent", since: lastMessageAt });
  };
  return {
    get wasOpen() {
      return wasOpen;
    },
    opened() {
      wasOpen = true;
      redisUnavailableSince = undefined;
      isStalled = false;
      messageReceived();
      report();
      timer = setInterval(check, CHECK_MS);
    },
    messageReceived,
    redisChanged({ unavailableSince }) {
      redisUnavailableSince = unavailableSince;
      report();
    },
    closed: () => clearInterval(timer),
  };
}
