/** Statuses of one channel: images that are skipped, entries that are missing or cannot be shown, and errors. */
import type { GatewayError } from "../../../domain/errors.ts";
import type { Status, Statuses } from "../statuses.ts";

/** Images in a row without a skip after which the status about skipped ones is removed. */
const KEPT_UP = 30;

type Named = readonly [id: string, status: Status];

/** Returns the ids of the statuses that end with the subscription to a channel. */
export const statusIds = (topic: string): readonly string[] => [
  `skipped-${topic}`,
  `gap-${topic}`,
  `content-${topic}`,
  `error-${topic}`,
];

/** Returns the status of a channel with entries that were removed before the viewer received them. */
export const gapStatus = (topic: string): Named => [
  `gap-${topic}`,
  {
    level: "warning",
    message: `${topic} has gaps: entries were trimmed or deleted before they could be sent`,
  },
];

/** Returns the status of a channel with entries whose payload does not have its content. */
export const hiddenStatus = (topic: string): Named => [
  `content-${topic}`,
  { level: "warning", message: `${topic} has entries that are not of its content type; they are not shown` },
];

/** Returns the status of a channel that cannot be read. */
export const errorStatus = (topic: string, { message }: GatewayError): Named => [
  `error-${topic}`,
  { level: "error", message: `${topic} cannot be read: ${message}` },
];

/**
 * Creates the report of skipped images of a channel.
 *
 * @returns a function to call for each image, with the number of images that were skipped before it
 */
export function createSkipReport(statuses: Statuses, topic: string): (skipped: number) => void {
  const id = `skipped-${topic}`;
  let inRow = 0;
  return (skipped) => {
    inRow = skipped > 0 ? 0 : inRow + 1;
    if (skipped > 0)
      statuses.set(id, {
        level: "warning",
        message: `images of ${topic} are skipped: the connection is slower than the stream`,
      });
    else if (inRow === KEPT_UP) statuses.remove(id);
  };
}
