/** Reasons for which a source did not open, or ended, with a remedy for the user. */

/** Texts by the name of the browser's error (W3C Media Capture and Streams, section 10.2). */
const REASONS: Readonly<Record<string, (sensor: string) => string>> = {
  NotAllowedError: (sensor) =>
    `Access to the ${sensor} was refused. Allow it in the settings of this site, beside the address, and in those of the system. Then start again.`,
  NotFoundError: (sensor) => `This device has no ${sensor}.`,
  NotReadableError: (sensor) => `Another program uses the ${sensor}. Close that program, and start again.`,
  OverconstrainedError: (sensor) => `The ${sensor} does not offer these settings. Choose others.`,
};

/** Returns the reason for an error. @param sensor the kind of device, such as `camera` */
export function refusalOf(error: unknown, sensor: string): string {
  const name = error instanceof Error ? error.name : "";
  // Chromium reports a camera in use as AbortError on some systems.
  const known = REASONS[name === "AbortError" ? "NotReadableError" : name];
  if (known !== undefined) return known(sensor);
  return error instanceof Error ? error.message : String(error);
}
