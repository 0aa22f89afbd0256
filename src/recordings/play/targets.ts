/** Streams that a playback stores entries in. Without a device they are never those that were recorded. */
import { badParameter, GatewayError } from "../../domain/errors.ts";
import { shown } from "../../domain/shown.ts";
import { matchesStream, type NamedStream } from "../../domain/streams/stream-match.ts";
import { checkCount, checkName, splitKey } from "../../domain/streams/stream-name.ts";
import { checkPatterns } from "../../domain/streams/stream-selection.ts";
import type { PlaybackRequest } from "../playback-status.ts";

/** Limits of names. */
export interface TargetLimits {
  readonly maxStreams: number;
  readonly maxNameBytes: number;
}

/** A recording with the keys of its streams. */
export interface PlayableRecording {
  readonly name: string;
  readonly streams: readonly string[];
}

/** Recorded streams that an error names. */
const MAX_NAMED = 10;

/**
 * Returns the keys of the streams that entries are stored in, by recorded key.
 *
 * @throws GatewayError BAD_PARAMETER, or RECORDING_UNPLAYABLE if it has no streams
 */
export function playTargets(
  recording: PlayableRecording,
  { streams, exclude, device }: Pick<PlaybackRequest, "streams" | "exclude" | "device">,
  limits: TargetLimits,
): ReadonlyMap<string, string> {
  checkNames("streams", streams, limits);
  checkNames("exclude", exclude, limits);
  checkName("device", device ?? "", limits.maxNameBytes);
  if (device?.includes("*")) throw badParameter("device", `must not be a pattern, got ${shown(device)}`);
  const sources = selectSources(recording, streams, exclude);
  const targetOf = targetsOf(recording, device);
  const targets = new Map<string, string>();
  const sourceOf = new Map<string, string>();
  for (const key of sources) {
    const target = targetOf(key);
    const other = sourceOf.get(target);
    if (other !== undefined)
      throw badParameter(
        "device",
        `must be another one, or absent: ${shown(other)} and ${shown(key)} would both be stored in ${shown(target)}`,
      );
    sourceOf.set(target, key);
    targets.set(key, target);
  }
  const recorded = new Set(recording.streams);
  const same =
    device === undefined ? [...targets.values()].find((target) => recorded.has(target)) : undefined;
  if (same !== undefined)
    throw badParameter(
      "device",
      `must be given: by default, ${shown(same)} would be written, which is recorded`,
    );
  return targets;
}

/** Returns the key that a recorded stream is stored under, if the client names no device; undefined if it cannot be written. */
export function defaultTarget({ name, streams }: PlayableRecording): (key: string) => string | undefined {
  const hasSeveralDevices = new Set(streams.filter(isWritable).map((key) => splitKey(key).device)).size > 1;
  return (key) => {
    const { device, stream } = splitKey(key);
    if (!isWritable(key)) return undefined;
    return `${name}-replay${hasSeveralDevices && device !== "" ? `-${device}` : ""}:${stream}`;
  };
}

function targetsOf(recording: PlayableRecording, device: string | undefined): (key: string) => string {
  if (device === "") return (key) => key;
  if (device !== undefined) return (key) => `${device}:${splitKey(key).stream}`;
  const target = defaultTarget(recording);
  return (key) => target(key) ?? key;
}

/** Returns the recorded streams that are selected. @throws GatewayError if a pattern selects none, or all are excluded */
function selectSources(
  { name, streams: recorded }: PlayableRecording,
  streams: readonly string[],
  exclude: readonly string[],
): readonly string[] {
  const playable = recorded.filter(isWritable).map((key) => ({ key, ...splitKey(key) }));
  if (playable.length === 0)
    throw new GatewayError("RECORDING_UNPLAYABLE", `the recording ${name} has no streams that can be played`);
  const useless = uselessIn(streams, playable);
  if (useless !== undefined)
    throw badParameter(
      "streams",
      `must match streams of the recording (${namesOf(playable.map(({ key }) => key))}), got ${shown(useless)}`,
    );
  const isSelected = streams.length === 0 ? () => true : matcherOf(streams);
  const isExcluded = matcherOf(exclude);
  const left = playable.filter((one) => isSelected(one) && !isExcluded(one));
  if (left.length === 0) throw badParameter("exclude", "must not exclude all streams of the recording");
  return left.map(({ key }) => key);
}

/** Returns the function that decides whether names or patterns match. Names are looked up, because there may be thousands. */
function matcherOf(patterns: readonly string[]): (one: NamedStream) => boolean {
  const names = new Set(patterns.filter((one) => !isPattern(one)));
  const globs = patterns.filter(isPattern);
  return (one) =>
    namesOfStream(one).some((name) => names.has(name)) || globs.some((glob) => matchesStream(glob, one));
}

/** Returns the first name or pattern that matches no stream. */
function uselessIn(patterns: readonly string[], streams: readonly NamedStream[]): string | undefined {
  const names = new Set(streams.flatMap(namesOfStream));
  return patterns.find((pattern) =>
    isPattern(pattern) ? !streams.some((one) => matchesStream(pattern, one)) : !names.has(pattern),
  );
}

/** Returns the names of a stream: its key, and its own name, which has no colon, as in `matchesStream`. */
const namesOfStream = ({ key, stream }: NamedStream): readonly string[] =>
  stream.includes(":") ? [key] : [key, stream];

const isPattern = (text: string): boolean => text.includes("*");

/** Whether clients can write a key: keys that begin with a colon are the gateway's own, such as its events. */
const isWritable = (key: string): boolean => !key.startsWith(":");

function checkNames(
  parameter: string,
  names: readonly string[],
  { maxStreams, maxNameBytes }: TargetLimits,
): void {
  checkCount(parameter, names, maxStreams);
  for (const name of names) checkName(parameter, name, maxNameBytes);
  checkPatterns(parameter, names.filter(isPattern));
}

const namesOf = (keys: readonly string[]): string =>
  `${keys.slice(0, MAX_NAMED).join(", ")}${keys.length > MAX_NAMED ? ", …" : ""}`;
