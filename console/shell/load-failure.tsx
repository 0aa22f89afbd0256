/** Dialog in the place of one whose code cannot be loaded. It takes the keys, as that one would. */
import type { ComponentChild } from "preact";
import { useEffect, useRef } from "preact/hooks";
import "./keys-help.css";

interface LoadFailureProps {
  readonly close: () => void;
  readonly children: ComponentChild;
}

/** Renders the dialog. */
export function LoadFailure({ close, children }: LoadFailureProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="keys" aria-label="Commands" closedby="any" onClose={close}>
      {children}
    </dialog>
  );
}
