/** Logger interface of the gateway's parts; pino implements it. */

type Log = (fields: object, message: string) => void;

/** Structured logger: fields first, then a message. Never log secrets. */
export interface Logger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}
