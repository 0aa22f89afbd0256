/**
 * Notices a Redis that was asked something and says nothing. A socket's own timeout does not do: whatever is written puts it
 * off, and something always is, a health probe's question for one.
 */

/** Looks at one connection, over and over. */
export interface SilenceWatch {
  /** Something was heard of Redis. */
  heard(): void;
  stop(): void;
}

/** How often it is looked before there has been silence for long enough. */
const LOOKS = 4;

/**
 * Starts to look.
 *
 * @param ms how long a silence is too long
 * @param isAsked whether there is a question that has no answer
 * @param onSilence called when it has been too long
 */
export function watchSilence(ms: number, isAsked: () => boolean, onSilence: () => void): SilenceWatch {
  let isHeard = false;
  /** Looks in a row at which nothing had been heard: counted, so that a standstill of this process is not Redis' silence. */
  let quiet = 0;
  const timer = setInterval(() => {
    quiet = isHeard || !isAsked() ? 0 : quiet + 1;
    isHeard = false;
    if (quiet > LOOKS) onSilence();
  }, ms / LOOKS);
  return {
    heard() {
      isHeard = true;
    },
    stop: () => clearInterval(timer),
  };
}
