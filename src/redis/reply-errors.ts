/** What Redis' errors mean for a client: each becomes one of the gateway's own, with Redis' words kept in it. */
import { asGatewayError, GatewayError } from "../domain/errors.ts";
import { TOO_OLD } from "./append/dedupe.ts";
import { ReplyError } from "./resp/reader.ts";

/** What a command answers, its failure as the gateway's own error. @throws GatewayError */
export const refusing = <T>(answer: Promise<T>): Promise<T> =>
  answer.catch((error: Error) => {
    throw refusalOf(error);
  });

/** Whether Redis does not permit the gateway's user to run a command or to use a key. */
export const isPermissionError = (error: Error): boolean =>
  error instanceof ReplyError && error.code === "NOPERM";

/** The gateway's error for anything that a command failed with. */
export function refusalOf(error: Error): GatewayError {
  if (!(error instanceof ReplyError)) return asGatewayError(error);
  // Redis' own sentences start with a code that clients have no use for when it is the general one.
  const words = error.message.replace(/^ERR /, "");
  switch (error.code) {
    case "WRONGTYPE":
      return new GatewayError("WRONG_TYPE", "the key of this stream holds something that is no stream");
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
      if (/Invalid stream ID/i.test(words)) return new GatewayError("BAD_PARAMETER", `entry id: ${words}`);
      return new GatewayError("REDIS_REFUSED", `Redis refused: ${words}`);
  }
}
