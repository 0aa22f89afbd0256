/** Parses log lines of redis-server and valkey-server for the gateway's log. */
import type { Logger } from "../../domain/logger.ts";

/** A line of the server, at the level at which the gateway logs it. */
export interface ServerLine {
  readonly level: keyof Logger;
  readonly message: string;
}

/** `pid:role date time mark message`, as `serverLogRaw` in Redis' server.c writes it. */
const LINE = /^\d+:[A-Z] \d{1,2} \w{3} \d{4} [\d:.]+ ([.\-*#]) (.*)$/;

/** `pid:signal-handler (time) message`, as `serverLogRawFromHandler` there writes it: it received a signal to stop. */
const SIGNAL_LINE = /^\d+:signal-handler \(\d+\) (.*)$/;

/** Routine messages that some versions log at level "warning" at each start and stop. */
const ROUTINE = [
  /^oO0OoO0OoO0Oo /,
  /^(Redis|Valkey) version=/,
  /^Configuration loaded/,
  /^Server initialized/,
  /^User requested shutdown/,
  /^(Redis|Valkey) is now ready to exit/,
  // Advice for the operator of a database server's machine.
  /^WARNING:? (Memory overcommit|overcommit_memory|The TCP backlog|You have Transparent Huge Pages)/,
];

/**
 * Parses one line. The server's marks are `.` debug, `-` verbose, `*` notice and `#` warning. Notices are routine, so they are
 * logged at level debug. A line without a mark belongs to an abort or a crash report.
 */
export function readServerLine(line: string): ServerLine {
  const [, mark, message] = LINE.exec(line) ?? [];
  if (mark !== undefined && message !== undefined) {
    const isAlarming = mark === "#" && !ROUTINE.some((pattern) => pattern.test(message));
    return { level: isAlarming ? "warn" : "debug", message };
  }
  const [, signalled] = SIGNAL_LINE.exec(line) ?? [];
  return signalled === undefined ? { level: "warn", message: line } : { level: "debug", message: signalled };
}
