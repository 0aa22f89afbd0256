/** List of the keyboard shortcuts, as a dialog. */
import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import "./keys-help.css";

const KEYS: readonly (readonly [keys: string, effect: string])[] = [
  ["Ctrl+K", "Commands: open a stream, a layout, a panel, and more"],
  ["/", "Search streams"],
  ["Space", "Pause, or play from the shown moment"],
  ["← →", "One entry back or forward, of the selected pane"],
  ["L", "Follow live"],
  ["G", "Go to a time or an entry"],
  ["↑ ↓ Home End", "Move in the list; ← → fold and unfold a device"],
  ["?", "This list"],
];

/** Renders the dialog while it is open. */
export function KeysHelp({ isOpen }: { readonly isOpen: Signal<boolean> }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen.value) dialog.current?.showModal();
  }, [isOpen.value]);
  if (!isOpen.value) return null;
  const close = () => {
    isOpen.value = false;
  };
  // The event `close` arrives later, and would close a dialog that was opened again meanwhile.
  const cancel = (event: Event) => {
    event.preventDefault();
    close();
  };
  return (
    <dialog ref={dialog} class="keys" aria-label="Keyboard" onCancel={cancel} onClose={close}>
      <h2>Keyboard</h2>
      <dl>
        {KEYS.map(([keys, effect]) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{effect}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={close}>
        Close
      </button>
    </dialog>
  );
}
