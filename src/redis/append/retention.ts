/**
 * Trims streams by their limits as entries are appended (`XADD … MAXLEN ~` or `MINID ~`), without a round trip on the way
 * in: what a stream's metadata says is read beside the appends, once per stream and then every few seconds while it is
 * written to. Until it is known nothing is trimmed, because the default could delete what the metadata keeps.
 */
import type { Logger } from "../../domain/logger.ts";
import { type RetentionLimits, readRetention } from "../../domain/retention.ts";
import { streamMetaKey } from "../keys.ts";
import type { Commands } from "../resp/commands.ts";
import { ReplyError } from "../resp/reader.ts";

/** How one stream is trimmed now. */
export interface StreamTrim {
  /** Arguments of XADD; empty for none. */
  readonly trim: readonly string[];
  /** What the caller derived from `trim`; reset when it changes. */
  beginning: Uint8Array | undefined;
}

/** Retention of the streams that are appended to. */
export interface Retention {
  /** Returns how to trim a stream with the append of a payload of so many bytes. */
  of(key: string, bytes: number): StreamTrim;
  /** Notes the reply to an append: the last of those that were sent without a limit is followed by a trim. */
  settled(key: string): void;
  /** Applies metadata, JSON; undefined if there is none. */
  learn(key: string, meta: Uint8Array | string | undefined): void;
  close(): void;
}

/** Streams remembered. With more, all are forgotten and read again. */
const MOST_STREAMS = 20_000;
/** How often the metadata of streams in use is read again, ms. */
const REFRESH_MS = 10_000;
/** How old the bound of an age may be, ms. */
const AGE_STEP_MS = 1000;
/** Weight of an entry in the mean size. */
const SIZE_WEIGHT = 0.02;
/** What an entry takes in Redis beside its payload, bytes, about. */
const ENTRY_BYTES = 32;

interface Kept extends StreamTrim {
  trim: readonly string[];
  isKnown: boolean;
  /** Appends sent before the metadata was known, without a limit, and not answered yet. */
  unlimited: number;
  isUsed: boolean;
  limits: RetentionLimits;
  meanBytes: number;
  /** Mean that `trim` was made with. */
  trimmedFor: number;
  /** When the age was last applied, ms since 1970. */
  agedAtMs: number;
  /** `trim` goes by age now, and by count again with the next append. */
  isByAge: boolean;
}

/** Creates a retention without metadata: every stream keeps about so many entries. */
export function fixedRetention(streamMaxLength: number): Retention {
  const trim = lengthTrim(streamMaxLength);
  const known = new Map<string, StreamTrim>();
  return {
    of(key) {
      const found = known.get(key);
      if (found !== undefined) return found;
      if (known.size >= MOST_STREAMS) known.clear();
      const made = { trim, beginning: undefined };
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

/** Creates the retention of a gateway. @param commands where metadata is read */
export function createRetention(commands: Commands, defaults: RetentionLimits, logger: Logger): Retention {
  const streams = new Map<string, Kept>();
  /** Of all streams: most of the time none, and then a reply costs nothing more. */
  let unlimited = 0;
  const refreshing = setInterval(refresh, REFRESH_MS);
  refreshing.unref();

  function refresh(): void {
    for (const [key, kept] of streams) {
      if (kept.isUsed) ask(key, kept);
      kept.isUsed = false;
    }
  }

  function ask(key: string, kept: Kept): void {
    commands.send(["GET", streamMetaKey(key)], (error, reply) => {
      // Without an answer it is asked again with the next refresh; without the right to read, defaults apply.
      if (error !== undefined && !(error instanceof ReplyError)) return;
      apply(key, kept, Buffer.isBuffer(reply) ? reply : undefined);
    });
  }

  function apply(key: string, kept: Kept, meta: Uint8Array | string | undefined): void {
    const { limits, problems } = readRetention(parsed(meta));
    if (problems.length > 0) logger.warn({ stream: key, problems }, "ignored limits in a stream's metadata");
    const isFirst = !kept.isKnown;
    kept.isKnown = true;
    kept.limits = { ...defaults, ...limits };
    kept.agedAtMs = 0;
    trimByCount(kept);
    if (isFirst) trimNow(key, kept);
  }

  /** Trims what was appended without a limit: it may have been the last for long. */
  function trimNow(key: string, kept: Kept): void {
    if (kept.trim.length > 0) commands.send(["XTRIM", key, ...kept.trim], () => undefined);
  }

  return {
    of(key, bytes) {
      let kept = streams.get(key);
      if (kept === undefined) {
        if (streams.size >= MOST_STREAMS) {
          streams.clear();
          unlimited = 0;
        }
        kept = unknown(defaults, bytes);
        streams.set(key, kept);
        ask(key, kept);
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
  beginning: undefined,
  isKnown: false,
  unlimited: 0,
  isUsed: true,
  limits,
  meanBytes: bytes + ENTRY_BYTES,
  trimmedFor: 0,
  agedAtMs: 0,
  isByAge: false,
});

/** Follows the size of entries and the time. XADD takes one strategy, so an append now and then trims by age. */
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
  kept.beginning = undefined;
}

function parsed(meta: Uint8Array | string | undefined): unknown {
  if (meta === undefined) return {};
  try {
    return JSON.parse(typeof meta === "string" ? meta : Buffer.from(meta).toString());
  } catch {
    return {};
  }
}
