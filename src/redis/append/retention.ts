/**
 * Retention: trims streams as entries are appended (`XADD … MAXLEN ~` or `MINID ~`), without a round trip per append. The
 * limits in a stream's metadata are read together with the appends: once at first, then every few seconds while the stream is
 * written to. Until they are known nothing is trimmed, because the default could delete entries that the metadata keeps.
 */
import type { Logger } from "../../domain/logger.ts";
import { type RetentionLimits, readRetention } from "../../domain/streams/retention.ts";
import { streamMetaKey } from "../keys.ts";
import { firstReadCommand, firstReadOf, type LargeValues } from "../registry/stored-values.ts";
import type { Commands } from "../resp/commands.ts";
import { ReplyError } from "../resp/reader.ts";
import { LargeLimits } from "./large-limits.ts";

/** Current trimming of one stream. */
export interface StreamTrim {
  /** XADD arguments; empty for no trimming. */
  readonly trim: readonly string[];
  /** Encoded command prefix that the caller derived from `trim`; reset when `trim` changes. */
  prefix: Uint8Array | undefined;
}

/** Retention of the streams that are appended to. */
export interface Retention {
  /** Returns how to trim a stream when appending a payload of `bytes` bytes. */
  of(key: string, bytes: number): StreamTrim;
  /** Call on the reply to an append. After the last append that was sent without a limit, the stream is trimmed. */
  settled(key: string): void;
  /** Applies metadata as JSON; undefined if the stream has none. */
  learn(key: string, meta: Uint8Array | string | undefined): void;
  close(): void;
}

/** Streams remembered. Above this, all are forgotten and read again. */
const MAX_STREAMS = 20_000;
/** Interval (ms) at which the metadata of streams in use is read again. */
const REFRESH_MS = 10_000;
/** Minimum time (ms) between two trims of a stream by age. */
const AGE_STEP_MS = 1000;
/** Weight of a new entry in the mean entry size. */
const SIZE_WEIGHT = 0.02;
/** Approximate overhead of an entry in Redis besides its payload, bytes. */
const ENTRY_BYTES = 32;

interface Kept extends StreamTrim {
  trim: readonly string[];
  isKnown: boolean;
  /** Pending appends that were sent without a limit, before the metadata was known. */
  unlimited: number;
  isUsed: boolean;
  limits: RetentionLimits;
  meanBytes: number;
  /** Mean entry size for which `trim` was computed. */
  trimmedFor: number;
  /** Time of the last trim by age, ms since 1970. */
  agedAtMs: number;
  /** `trim` is by age now; the next append changes it back to a count. */
  isByAge: boolean;
}

/** Creates a retention without metadata: every stream keeps about `streamMaxLength` entries. */
export function fixedRetention(streamMaxLength: number): Retention {
  const trim = lengthTrim(streamMaxLength);
  const known = new Map<string, StreamTrim>();
  return {
    of(key) {
      const found = known.get(key);
      if (found !== undefined) return found;
      if (known.size >= MAX_STREAMS) known.clear();
      const made = { trim, prefix: undefined };
      known.set(key, made);
      return made;
    },
    settled: () => undefined,
    learn: () => undefined,
    close: () => undefined,
  };
}

const lengthTrim = (entries: number): readonly string[] =>
  entries > 0 ? ["MAXLEN", "~", String(entries)] : [];

/** Dependencies of `createRetention`. */
export interface RetentionParts {
  /** Reads small metadata, and trims. */
  readonly commands: Commands;
  readonly largeValues: LargeValues;
  readonly defaults: RetentionLimits;
  readonly logger: Logger;
}

/** Creates the retention of a gateway. */
export function createRetention({ commands, largeValues, defaults, logger }: RetentionParts): Retention {
  const streams = new Map<string, Kept>();
  /** Pending unlimited appends of all streams: usually 0, and then a reply needs no lookup. */
  let unlimited = 0;
  const large = new LargeLimits({
    ...{ largeValues, logger },
    onMeta(key, meta) {
      const kept = streams.get(key);
      if (kept !== undefined) apply(key, kept, meta);
    },
  });
  const refreshing = setInterval(refresh, REFRESH_MS);
  refreshing.unref();

  function refresh(): void {
    for (const [key, kept] of streams) {
      if (kept.isUsed) requestMeta(key, kept);
      kept.isUsed = false;
    }
  }

  function requestMeta(key: string, kept: Kept): void {
    commands.send(firstReadCommand(streamMetaKey(key)), (error, reply) => {
      // Without a reply, the next refresh retries. Without permission to read, the defaults apply.
      if (error !== undefined && !(error instanceof ReplyError)) return;
      const meta = firstReadOf(reply);
      if (meta !== "large") apply(key, kept, meta);
      else large.request(key);
    });
  }

  function apply(key: string, kept: Kept, meta: Uint8Array | string | undefined): void {
    const { limits, problems } = readRetention(parsed(meta));
    if (problems.length > 0)
      logger.warn({ stream: key, problems }, "invalid limits in a stream's metadata are ignored");
    const isFirst = !kept.isKnown;
    kept.isKnown = true;
    // Not `{ ...defaults, ...limits }`: each append reads the members, and such objects share no hidden class.
    const { maxEntries, maxAgeMs, maxBytes } = defaults;
    kept.limits = { maxEntries, maxAgeMs, maxBytes, ...limits };
    kept.agedAtMs = 0;
    trimByCount(kept);
    if (isFirst) trimNow(key, kept);
  }

  /** Trims a stream after appends without a limit, because the next append may be hours away. */
  function trimNow(key: string, kept: Kept): void {
    if (kept.trim.length > 0) commands.send(["XTRIM", key, ...kept.trim], () => undefined);
  }

  return {
    of(key, bytes) {
      let kept = streams.get(key);
      if (kept === undefined) {
        if (streams.size >= MAX_STREAMS) {
          streams.clear();
          unlimited = 0;
        }
        kept = unknown(defaults, bytes);
        streams.set(key, kept);
        requestMeta(key, kept);
      }
      kept.isUsed = true;
      if (!kept.isKnown) {
        kept.unlimited++;
        unlimited++;
      } else if (kept.limits.maxBytes > 0 || kept.limits.maxAgeMs > 0) adapt(kept, bytes);
      return kept;
    },
    settled(key) {
      if (unlimited === 0) return;
      const kept = streams.get(key);
      if (kept === undefined || kept.unlimited === 0) return;
      unlimited--;
      if (--kept.unlimited === 0 && kept.isKnown) trimNow(key, kept);
    },
    learn(key, meta) {
      const kept = streams.get(key);
      if (kept !== undefined) apply(key, kept, meta);
    },
    close: () => clearInterval(refreshing),
  };
}

const unknown = (limits: RetentionLimits, bytes: number): Kept => ({
  trim: [],
  prefix: undefined,
  isKnown: false,
  unlimited: 0,
  isUsed: true,
  limits,
  meanBytes: bytes + ENTRY_BYTES,
  trimmedFor: 0,
  agedAtMs: 0,
  isByAge: false,
});

/** Adapts to the entry size and the time. XADD accepts one trim strategy, so an occasional append trims by age. */
function adapt(kept: Kept, bytes: number): void {
  const { maxBytes, maxAgeMs } = kept.limits;
  if (maxBytes > 0) kept.meanBytes += (bytes + ENTRY_BYTES - kept.meanBytes) * SIZE_WEIGHT;
  const nowMs = maxAgeMs > 0 ? Date.now() : 0;
  if (maxAgeMs > 0 && nowMs - kept.agedAtMs >= AGE_STEP_MS) {
    kept.agedAtMs = nowMs;
    kept.isByAge = true;
    setTrim(kept, ["MINID", "~", String(Math.max(0, nowMs - maxAgeMs))]);
    return;
  }
  const hasDrifted = maxBytes > 0 && Math.abs(kept.meanBytes / kept.trimmedFor - 1) > 0.1;
  if (kept.isByAge || hasDrifted) trimByCount(kept);
}

function trimByCount(kept: Kept): void {
  const { maxEntries, maxBytes } = kept.limits;
  kept.isByAge = false;
  kept.trimmedFor = kept.meanBytes;
  const fitting = maxBytes > 0 ? Math.max(1, Math.floor(maxBytes / kept.meanBytes)) : 0;
  const entries = maxEntries > 0 && fitting > 0 ? Math.min(maxEntries, fitting) : maxEntries || fitting;
  setTrim(kept, lengthTrim(entries));
}

function setTrim(kept: Kept, trim: readonly string[]): void {
  kept.trim = trim;
  kept.prefix = undefined;
}

function parsed(meta: Uint8Array | string | undefined): unknown {
  if (meta === undefined) return {};
  try {
    return JSON.parse(typeof meta === "string" ? meta : Buffer.from(meta).toString());
  } catch {
    return {};
  }
}
