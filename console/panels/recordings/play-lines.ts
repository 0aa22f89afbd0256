/** Commands that play a recording again: they store its entries as the streams of a device of their own. */
import type { RecordingInfo } from "../../../client/browser.ts";

/** Returns the device that the commands play into. */
const playDevice = ({ name }: Pick<RecordingInfo, "name">): string => `${name}-replay`;

/** Returns the commands. @param base URL of the gateway, without a trailing slash */
export function playLines(recording: Pick<RecordingInfo, "name" | "files">, base: string): readonly string[] {
  const names = recording.files.map(({ file }) => file);
  const url = base.replaceAll("'", "%27");
  return [
    ...names.map((name) => `curl -O '${url}/recordings/${encodeURIComponent(name)}'`),
    `npx redis-streamer play ${names.join(" ")} --url '${url}' --device ${playDevice(recording)}`,
  ];
}
