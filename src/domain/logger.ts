/** What the parts of the gateway need of a logger. pino's has this shape. */

type Log = (fields: object, message: string) => void;

/** Structured logging: fields first, then a sentence. Nothing secret goes in. */
export interface Logger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}
