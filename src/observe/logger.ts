/** Log output by pino: readable on a terminal, else JSON lines. */
import { type Logger, pino } from "pino";

/** Level and format of the log. */
export interface LogOptions {
  readonly logLevel: string;
  readonly logFormat: "auto" | "pretty" | "json";
}

/** Returns whether the log is readable text, as on a terminal, instead of JSON lines. */
export const isReadable = ({ logFormat }: Pick<LogOptions, "logFormat">): boolean =>
  logFormat === "pretty" || (logFormat === "auto" && process.stdout.isTTY === true);

/** Creates the logger of the process, on standard output. */
export async function createLogger({ logLevel, logFormat }: LogOptions): Promise<Logger> {
  if (!isReadable({ logFormat })) return pino({ level: logLevel });
  // A service logs JSON lines, and starts faster without the modules for readable lines.
  const { default: pretty } = await import("pino-pretty");
  // Synchronous, not in a worker thread, so that messages logged during shutdown are not lost.
  return pino(
    { level: logLevel },
    pretty({ sync: true, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l" }),
  );
}
