/** Dialogs of the page. */
import { type Signal, signal } from "@preact/signals";

/** Whether each dialog is open. */
export interface Dialogs {
  /** List of the keys. */
  readonly help: Signal<boolean>;
  /** Command palette. */
  readonly palette: Signal<boolean>;
  /** Characters typed after the key of the palette and before it opens: its code is loaded the first time. */
  readonly typedAhead: Signal<string>;
}

/** Creates the state. */
export const createDialogs = (): Dialogs => ({
  help: signal(false),
  palette: signal(false),
  typedAhead: signal(""),
});
