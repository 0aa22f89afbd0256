/**
 * Logger that limits repeated lines. A client can cause many lines: one per rejected request, or per field of a GraphQL request.
 * Without a limit it could fill the disk. Metrics count every event (`redis_streamer_rejections_total`).
 */
import type { Logger } from "../domain/logger.ts";
import { createTokenBucket, type TokenBucket } from "../domain/scheduling/token-bucket.ts";

/** Lines of one kind that may be written at once. */
const BURST = 500;
/** Further lines of a kind per second. */
const LINES_PER_SECOND = 1;
/** Maximum number of kinds that are limited separately. Further ones share one limit. */
const MAX_KINDS = 1000;
const OTHER_KINDS = "";
/** Time after which lines are reported that were left out without a line after them, ms. */
const REPORT_MS = 10_000;

/** State of one kind of lines. */
interface Kind {
  readonly bucket: TokenBucket;
  /** Lines left out since the last one that was written. */
  others: number;
  /** Runs while lines are left out. */
  report: NodeJS.Timeout | undefined;
}

/**
 * Limits the lines of each kind to 500 at once and one per second. The kind of a line is its level, its message and its field
 * `code`. The field `others` of a line is the number of lines of its kind that were left out before it. After a flood, a line of
 * its own has it. Debug lines are not limited.
 *
 * @param now a monotonic clock, ms
 */
export function limitLines(logger: Logger, now: () => number = () => performance.now()): Logger {
  const kinds = new Map<string, Kind>();

  function kindOf(name: string): Kind {
    const key = kinds.has(name) || kinds.size < MAX_KINDS ? name : OTHER_KINDS;
    const known = kinds.get(key);
    if (known !== undefined) return known;
    // A bucket that is empty, but not in debt, admits one more.
    const bucket = createTokenBucket(LINES_PER_SECOND, now, BURST - 1);
    const made = { bucket, others: 0, report: undefined };
    kinds.set(key, made);
    return made;
  }

  function limited(level: "info" | "warn" | "error"): Logger["info"] {
    return (fields, message) => {
      const kind = kindOf(`${level} ${codeOf(fields)} ${message}`);
      if (kind.bucket.waitMs() > 0) {
        kind.others++;
        kind.report ??= setTimeout(() => report(kind, level, message), REPORT_MS).unref();
        return;
      }
      kind.bucket.take(1);
      logger[level](kind.others === 0 ? fields : { ...fields, others: kind.others }, message);
      kind.others = 0;
    };
  }

  /** Reports the end of a flood, if no later line of the kind reports the number of suppressed lines. */
  function report(kind: Kind, level: "info" | "warn" | "error", line: string): void {
    kind.report = undefined;
    if (kind.others === 0) return;
    logger[level]({ line, others: kind.others }, "omitted repeated lines");
    kind.others = 0;
  }

  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: limited("info"),
    warn: limited("warn"),
    error: limited("error"),
  };
}

const codeOf = (fields: object): string =>
  "code" in fields && typeof fields.code === "string" ? fields.code : "";
