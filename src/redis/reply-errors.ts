/** Maps Redis errors to the gateway's errors, keeping the message of Redis. */
import { asGatewayError, GatewayError } from "../domain/errors.ts";
import { ReplyError } from "./resp/reader.ts";

/** Code of the error of the dedupe script for an entry that is too old to be recognised. */
export const TOO_OLD = "DEDUPETOOOLD";

/** Converts the rejection of a command into a gateway error. @throws GatewayError */
export const withGatewayErrors = <T>(answer: Promise<T>): Promise<T> =>
  answer.catch((error: Error) => {
    throw gatewayErrorOf(error);
  });

/** Whether Redis does not permit the gateway's user to run a command or to use a key. */
export const isPermissionError = (error: Error): boolean =>
  error instanceof ReplyError && error.code === "NOPERM";

/** Returns the gateway error for any failure of a command. */
export function gatewayErrorOf(error: Error): GatewayError {
  if (!(error instanceof ReplyError)) return asGatewayError(error);
  // Drops the generic code `ERR`, which has no meaning to clients.
  const words = error.message.replace(/^ERR /, "");
  switch (error.code) {
    case "WRONGTYPE":
      return new GatewayError("WRONG_TYPE", "the key of this stream holds a value that is not a stream");
    case "OOM":
    case "MISCONF":
      return new GatewayError("REDIS_FULL", `Redis cannot store more: ${words}`);
    case TOO_OLD:
      return new GatewayError("DEDUPE_TOO_OLD", `dedupe: ${words.slice(TOO_OLD.length + 1)}`);
    case "LOADING":
    case "MASTERDOWN":
    case "READONLY":
    case "NOREPLICAS":
    case "CLUSTERDOWN":
    case "TRYAGAIN":
      return new GatewayError("REDIS_UNAVAILABLE", `Redis is not ready: ${words}`);
    default:
      if (/equal or smaller than the target|must be greater than 0-0|exhausted/.test(words))
        return new GatewayError("ID_NOT_ABOVE_LAST", words);
      if (/Invalid stream ID/i.test(words))
        return new GatewayError("BAD_PARAMETER", `entry id must be <ms>-<seq>, <ms>-* or *: ${words}`);
      return new GatewayError("REDIS_REFUSED", `Redis rejected the command: ${words}`);
  }
}
