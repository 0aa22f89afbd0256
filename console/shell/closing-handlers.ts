/** Handlers of a dialog that its component shows as long as it is open. */
import type { RefObject } from "preact";

/**
 * Returns the handlers. The event `close` arrives later than the dialog closes: by then, keys may have opened it again.
 *
 * @param dialog empty once the component is removed @param close closes the dialog, and removes the component
 */
export const closingHandlers = (dialog: RefObject<HTMLDialogElement | null>, close: () => void) => ({
  onCancel(event: Event) {
    event.preventDefault();
    close();
  },
  onClose() {
    if (dialog.current !== null) close();
  },
});
