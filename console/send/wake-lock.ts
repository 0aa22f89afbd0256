/** Keeps the screen on while something is sent: phones stop the camera and the sensors when it turns off. */
import { effect, type ReadonlySignal } from "@preact/signals";

/** The part of the browser's document that is used. */
interface Visible {
  readonly visibilityState: DocumentVisibilityState;
  addEventListener(type: "visibilitychange", listener: () => void): void;
  removeEventListener(type: "visibilitychange", listener: () => void): void;
}

/** Holds a lock while it is needed and the page is visible. @returns a function that ends it */
export function keepScreenOn(
  isNeeded: ReadonlySignal<boolean>,
  request: () => Promise<{ release(): Promise<void> }>,
  page: Visible,
): () => void {
  let held: Promise<{ release(): Promise<void> } | undefined> | undefined;
  const release = () => {
    held?.then((lock) => lock?.release()).catch(() => undefined);
    held = undefined;
  };
  const update = () => {
    if (!isNeeded.peek()) release();
    // Browsers release the lock of a page that is hidden, so it is requested again.
    else if (page.visibilityState === "visible") {
      release();
      // Refused when the battery is low: then the screen turns off as usual.
      held = request().catch(() => undefined);
    }
  };
  page.addEventListener("visibilitychange", update);
  const stop = effect(() => {
    isNeeded.value;
    update();
  });
  return () => {
    stop();
    page.removeEventListener("visibilitychange", update);
    release();
  };
}
