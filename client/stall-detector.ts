/** Notices that a gateway which owes an answer is silent: it hangs, or the way to it is cut without a word. */

/** Watches one connection. */
export interface SilenceWatch {
  /** Something arrived. */
  heard(): void;
  stop(): void;
}

/** Longest time (ms) without a message before the connection counts as silent. */
const SILENT_MS = 2_750;
const LOOK_MS = 250;

/**
 * Starts to watch.
 *
 * @param isOwed whether the gateway owes a message now
 * @param onSilent called once, with the time of the last message
 * @param onHeard called when a message arrives after that
 */
export function watchSilence(
  isOwed: () => boolean,
  onSilent: (since: Date) => void,
  onHeard: () => void,
): SilenceWatch {
  let heardAt = new Date();
  /** Looks in a row, so that a page that stood still itself, as a background tab does, reports nothing. */
  let quiet = 0;
  let isSilent = false;
  const timer = setInterval(() => {
    quiet = isOwed() ? quiet + 1 : 0;
    if (isSilent || quiet * LOOK_MS < SILENT_MS) return;
    isSilent = true;
    onSilent(heardAt);
  }, LOOK_MS);
  return {
    heard() {
      heardAt = new Date();
      quiet = 0;
      if (!isSilent) return;
      isSilent = false;
      onHeard();
    },
    stop: () => clearInterval(timer),
  };
}
