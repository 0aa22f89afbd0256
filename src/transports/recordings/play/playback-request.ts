/** Body of `POST /recordings/{name}/play`. */
import { badParameter } from "../../../domain/errors.ts";
import { shown } from "../../../domain/shown.ts";
import { parseTime } from "../../../domain/streams/cursor.ts";
import { timeOfId } from "../../../domain/streams/entry-id.ts";
import type { PlaybackRequest } from "../../../recordings/playback-status.ts";
import type { RecordingStatus } from "../../../recordings/recording-status.ts";
import { type Body, bodyOf, checkMembers, optionalText, textList } from "../../request/json-body.ts";
import { isRate, MAX_RATE, MIN_RATE } from "../../request/playback.ts";

/** Members of the body. */
const MEMBERS = ["rate", "device", "streams", "exclude", "from", "to", "loop", "dedupe"];

/** Maximum length of a dedupe key, in characters. */
const MAX_DEDUPE = 200;

/** Reads a body, which may be empty. @throws GatewayError BAD_BODY or BAD_PARAMETER */
export function readPlaybackRequest(text: string): PlaybackRequest {
  const body = bodyOf(text === "" ? "{}" : text, '{"rate": 4}');
  checkMembers(body, MEMBERS);
  const rate = readRate(body);
  const loop = readFlag(body, "loop");
  if (loop && rate === 0) throw badParameter("loop", "requires a rate above 0");
  const fromMs = readTime(body, "from");
  const toMs = readTime(body, "to");
  if (fromMs !== undefined && toMs !== undefined && fromMs > toMs)
    throw badParameter("to", `must not be before from, got ${shown(body.to)} and ${shown(body.from)}`);
  return {
    ...{ streams: textList(body, "streams"), exclude: textList(body, "exclude") },
    device: optionalText(body, "device"),
    ...{ rate, fromMs, toMs, loop },
    dedupe: readDedupeKey(body),
  };
}

/** A range of time, ms since 1970, both included. */
export interface PlayedRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Returns the part of a recording that a request plays. @throws GatewayError BAD_PARAMETER if it is outside the recording */
export function playedRange(
  { from, to }: Pick<RecordingStatus, "from" | "to">,
  { fromMs, toMs }: Pick<PlaybackRequest, "fromMs" | "toMs">,
): PlayedRange {
  const first = from === null ? 0 : Date.parse(from);
  const last = to === null ? Number.MAX_SAFE_INTEGER : Date.parse(to);
  const problem = `must be a time of the recording, which begins at ${from} and ends at ${to}`;
  if (fromMs !== undefined && fromMs > last) throw badParameter("from", problem);
  if (toMs !== undefined && toMs < first) throw badParameter("to", problem);
  return { fromMs: Math.max(first, fromMs ?? first), toMs: Math.min(last, toMs ?? last) };
}

function readRate({ rate = 1 }: Body): number {
  if (typeof rate === "number" && isRate(rate)) return rate;
  throw badParameter(
    "rate",
    `must be 0, or a number between ${MIN_RATE} and ${MAX_RATE}, got ${shown(rate)}`,
  );
}

function readFlag(body: Body, name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value !== "boolean") throw badParameter(name, `must be true or false, got ${shown(value)}`);
  return value;
}

function readTime(body: Body, name: "from" | "to"): number | undefined {
  const value = body[name];
  const text = typeof value === "number" ? String(value) : optionalText(body, name);
  return text === undefined ? undefined : timeOfId(parseTime(name, text));
}

function readDedupeKey(body: Body): string | undefined {
  const key = optionalText(body, "dedupe");
  if (key !== undefined && (key === "" || key.length > MAX_DEDUPE))
    throw badParameter("dedupe", `must have 1 to ${MAX_DEDUPE} characters, got ${key.length}`);
  return key;
}
