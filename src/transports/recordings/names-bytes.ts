/** Size of the names of a recording's streams. Its record, its status and its list have them all, and escapes make them longer. */
import { badParameter } from "../../domain/errors.ts";
import type { TransportParts } from "../parts.ts";

/** Size of all names at `MAX_STREAMS` up to 1,024. */
const MIN_NAMES_BYTES = 256 * 1024;
/** Further streams may have names of this size on average. */
const BYTES_PER_STREAM = 256;

/** Returns the size of a name in a JSON list: a control character needs 6 bytes. */
export const nameBytes = (name: string): number => Buffer.byteLength(JSON.stringify(name)) + 1;

/** Returns the size that the names of one recording may have together. */
export const maxNamesBytes = ({ maxStreams }: Pick<TransportParts["config"], "maxStreams">): number =>
  Math.max(MIN_NAMES_BYTES, maxStreams * BYTES_PER_STREAM);

/** Checks the streams of a new recording. @throws GatewayError BAD_PARAMETER */
export function checkNames(
  streams: readonly { readonly key: string }[],
  config: Pick<TransportParts["config"], "maxStreams">,
): void {
  const bytes = streams.reduce((sum, { key }) => sum + nameBytes(key), 0);
  const max = maxNamesBytes(config);
  if (bytes > max)
    throw badParameter(
      "streams",
      `must select streams whose names have at most ${max} bytes as JSON together, got ${streams.length} streams with ${bytes} bytes`,
    );
}
