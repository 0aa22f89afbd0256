/** Whether the server runs scripts for the gateway's user. */
import type { Logger } from "../../domain/logger.ts";
import { ReplyError } from "./reader.ts";

/** Knows whether scripts are refused, as an ACL rule or a proxy does. */
export interface ScriptSupport {
  isAllowed(): boolean;
  /** Whether an error refuses scripts for the first time, so that the same is worth a try without them. */
  isRefused(error: Error): boolean;
}

/** Assumes that scripts are allowed until one is refused. */
export function createScriptSupport(logger: Logger): ScriptSupport {
  let isAllowed = true;
  return {
    isAllowed: () => isAllowed,
    isRefused(error) {
      if (!isAllowed || !(error instanceof ReplyError) || !/\beval\b/i.test(error.message)) return false;
      isAllowed = false;
      logger.warn(
        { err: error },
        "Redis does not permit EVAL: a stream that is deleted and created again may not be reported as a gap",
      );
      return true;
    },
  };
}
