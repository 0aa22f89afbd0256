/** The log: pino, readable on a terminal and JSON lines elsewhere. */
import { type Logger, pino } from "pino";
import pretty from "pino-pretty";

/** What decides how the log looks. */
export interface LogOptions {
  readonly logLevel: string;
  readonly logFormat: "auto" | "pretty" | "json";
}

/** Whether the log is for people, as it is on a terminal, and not JSON lines for a program. */
export const isReadable = ({ logFormat }: Pick<LogOptions, "logFormat">): boolean =>
  logFormat === "pretty" || (logFormat === "auto" && process.stdout.isTTY === true);

/** Makes the logger of the process, on standard output. */
export function createLogger({ logLevel, logFormat }: LogOptions): Logger {
  if (!isReadable({ logFormat })) return pino({ level: logLevel });
  // In this process and not in a worker: what is logged while stopping must not be lost.
  return pino(
    { level: logLevel },
    pretty({ sync: true, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l" }),
  );
}
