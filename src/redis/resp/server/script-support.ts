/** Tracks whether the server permits the gateway's user to run scripts. */
import type { Logger } from "../../../domain/logger.ts";
import { ReplyError } from "../reader.ts";

/** Scripts may be forbidden by an ACL rule or a proxy. */
export interface ScriptSupport {
  isAllowed(): boolean;
  /** Returns true for the first error that forbids scripts: the caller should retry without them. */
  isForbidden(error: Error): boolean;
}

/** Assumes that scripts are allowed until Redis rejects one. */
export function createScriptSupport(logger: Logger): ScriptSupport {
  let isAllowed = true;
  return {
    isAllowed: () => isAllowed,
    isForbidden(error) {
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
