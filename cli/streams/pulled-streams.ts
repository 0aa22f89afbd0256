/** Streams that a command reads. */
import { matchesGlob } from "../../src/domain/streams/stream-pattern.ts";
import { usageError } from "../exit-codes.ts";

/** Device, prefix and exclusions of a pull. */
export interface PulledStreams {
  readonly device?: string | undefined;
  readonly prefix?: string | undefined;
  readonly exclude?: readonly string[] | undefined;
}

/** Returns the names and patterns that are not excluded, each once. @throws CommandError if none is left */
export function namesToRead(names: readonly string[], pulled: PulledStreams): readonly string[] {
  const { exclude = [] } = pulled;
  const left = [...new Set(names)].filter(
    (name) => isPattern(name, pulled) || !exclude.some((pattern) => matchesGlob(pattern, name)),
  );
  if (left.length === 0) throw usageError("--exclude must not exclude all streams");
  return left;
}

/** Returns the options for the history of a name. The gateway rejects exclusions without a pattern. */
export function rangeOf(name: string, pulled: PulledStreams): PulledStreams {
  const { device, prefix, exclude } = pulled;
  return isPattern(name, pulled) ? { device, prefix, exclude } : { device, prefix };
}

const isPattern = (name: string, { device = "" }: PulledStreams): boolean =>
  name.includes("*") || device.includes("*");
