/** Reasons not to read from a socket. Reading resumes when the last reason has ended. */

/** Source that can be paused. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

/**
 * Lets independent parts pause a socket, so that none of them ends the pause of another.
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
