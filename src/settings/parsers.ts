/** Parsers of settings. */
import { availableParallelism } from "node:os";
import { parseDuration } from "../domain/streams/retention.ts";
import { problemOfPattern } from "../domain/streams/stream-pattern.ts";

/** Parses a setting. Throws an `Error` whose message lacks the setting's name: `readSettings` puts it in front. */
export type Parse<T> = (text: string) => T;

/** Parses any text. */
export const text: Parse<string> = (value) => value;

/** Parses an integer. */
export const whole =
  (min: number, max: number): Parse<number> =>
  (value) => {
    const parsed = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!(parsed >= min && parsed <= max))
      throw new Error(`must be an integer from ${min} to ${max}, got "${value}"`);
    return parsed;
  };

const SUFFIX: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Parses a size with an optional suffix, such as 64k. */
export const bytes =
  (min: number): Parse<number> =>
  (value) => {
    const [, digits, suffix] = /^(\d+)([kmg]?)(?:i?b)?$/i.exec(value) ?? [];
    const parsed = Number(digits) * (SUFFIX[suffix?.toLowerCase() ?? ""] ?? Number.NaN);
    if (!(parsed >= min && parsed <= 2 ** 40))
      throw new Error(`must be a size of at least ${min} bytes, such as 65536 or 64k, got "${value}"`);
    return parsed;
  };

/** Parses a duration, such as 24h, to ms. */
export const duration: Parse<number> = (value) => {
  const ms = parseDuration(value);
  if (ms === undefined) throw new Error(`must be 0 or a duration such as 90s, 24h or 7d, got "${value}"`);
  return ms;
};

/** Parses one of several words. */
export const choice =
  <const T extends string>(...choices: readonly T[]): Parse<T> =>
  (value) => {
    const found = choices.find((one) => one === value.toLowerCase());
    if (found === undefined) throw new Error(`must be one of ${choices.join(", ")}, got "${value}"`);
    return found;
  };

/** Parses a switch. */
export const flag: Parse<boolean> = (value) => {
  if (/^(1|true|yes|on|t|y)$/i.test(value)) return true;
  if (/^(0|false|no|off|f|n|)$/i.test(value)) return false;
  throw new Error(`must be 1 or 0, got "${value}"`);
};

/** Parses a comma-separated list. */
export const list: Parse<readonly string[]> = (value) =>
  value
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");

/** A class of streams: its name, and a pattern of stream keys as in permissions. */
type StreamClassSetting = { readonly name: string; readonly pattern: string };

/** Each class is a time series in every metric by class. */
const MAX_CLASSES = 50;

/** Parses classes of streams, such as `cameras=*:cam*`. */
export const streamClasses: Parse<readonly StreamClassSetting[]> = (value) => {
  const classes = list(value).map((one) => {
    const [, name = "", pattern = ""] = /^([\w.-]{1,40})=(.{1,200})$/.exec(one) ?? [];
    if (name === "") throw new Error(`must be a list such as cameras=*:cam*,imus=*:imu*, got "${one}"`);
    const problem = problemOfPattern(pattern);
    if (problem !== undefined) throw new Error(`the pattern of class ${name} ${problem}`);
    return { name, pattern };
  });
  if (classes.length > MAX_CLASSES)
    throw new Error(`must have at most ${MAX_CLASSES} classes, got ${classes.length}`);
  return classes;
};

/** Parses a path without a trailing slash. */
export const pathPrefix: Parse<string> = (value) => {
  if (value === "" || /^(\/[\w.~-]+)+$/.test(value)) return value;
  throw new Error(`must be a path such as /streams, without a trailing slash, got "${value}"`);
};

/** Parses seconds, with up to three decimals, to ms. */
export const seconds =
  (min: number, max: number): Parse<number> =>
  (value) => {
    const parsed = /^\d+(\.\d{1,3})?$/.test(value) ? Number(value) : Number.NaN;
    if (!(parsed >= min && parsed <= max))
      throw new Error(`must be a number of seconds from ${min} to ${max}, got "${value}"`);
    return Math.round(parsed * 1000);
  };

/** Parses a number of processes; `auto` is one per core. */
export const processes: Parse<number> = (value) => {
  if (value.toLowerCase() === "auto") return availableParallelism();
  const parsed = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (parsed >= 1 && parsed <= 1024) return parsed;
  throw new Error(`must be an integer from 1 to 1024, or auto, got "${value}"`);
};

/** Returns a URL for an error message, without user and password, also if it lacks its scheme. */
const withoutSecret = (url: string): string => url.replace(/^.*@/s, "…@");

/** Parses the address of a Redis server. Only its form is checked here. */
export const redisUrl: Parse<string> = (value) => {
  if (value === "" || value.startsWith("/")) return value;
  const scheme = /^([a-z+]+):/i.exec(value)?.[1]?.toLowerCase();
  if (scheme === "redis+cluster" || scheme === "rediss+cluster") {
    if (/^rediss?\+cluster:\/\/([^@]*@)?[^/?#@]+\/?$/i.test(value)) return value;
    throw new Error(`must look like redis+cluster://host:port,host:port, got "${withoutSecret(value)}"`);
  }
  if (scheme?.endsWith("+sentinel")) {
    if (/^rediss?\+sentinel:\/\/[^/]+\/[^/?]+/i.test(value)) return value;
    throw new Error(
      `must look like redis+sentinel://host:port,host:port/master-name, got "${withoutSecret(value)}"`,
    );
  }
  if (
    scheme === undefined ||
    !["redis", "rediss", "unix", "redis+unix"].includes(scheme) ||
    !URL.canParse(value)
  )
    throw new Error(
      `must be redis://host:port, rediss://host:port or unix:///path/to/socket, got "${withoutSecret(value)}"`,
    );
  return value;
};
