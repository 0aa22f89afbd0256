/** Dialog in the place of one whose code cannot be loaded. It takes the keys, as that one would. */
import type { ComponentChild } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { closingHandlers } from "./closing-handlers.ts";
import "./keys-help.css";

interface LoadFailureProps {
  readonly close: () => void;
  readonly children: ComponentChild;
}

/** Renders the dialog. */
export function LoadFailure({ close, children }: LoadFailureProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const end = () => {
    // Returns the focus to the element that had it.
    dialog.current?.close();
    close();
  };
  return (
    <dialog ref={dialog} class="keys" aria-label="Commands" closedby="any" {...closingHandlers(dialog, end)}>
      {children}
    </dialog>
  );
}
