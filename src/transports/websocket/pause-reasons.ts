/** Reasons to stop reading a socket. It is read again when the last of them has ended. */
import type { Pausable } from "./backpressure.ts";

/**
 * Divides a socket's pause among those who need it, so that one of them cannot end the pause of another.
 *
 * @returns a function that creates one reason
 */
export function createPauseReasons(socket: Pausable): () => Pausable {
  let reasons = 0;
  return () => {
    let isOn = false;
    return {
      pause() {
        if (isOn) return;
        isOn = true;
        if (reasons++ === 0) socket.pause();
      },
      resume() {
        if (!isOn) return;
        isOn = false;
        if (--reasons === 0) socket.resume();
      },
    };
  };
}
