/** A button whose action cannot be undone: it requires a second click. */
import { useSignal } from "@preact/signals";

interface ConfirmButtonProps {
  /** Text of the button, such as `Delete`. */
  readonly text: string;
  /** Text of the second button, which names the object of the action. */
  readonly confirmText: string;
  readonly action: () => void;
}

/** Renders the button; after a click, one that acts and one that does not. */
export function ConfirmButton({ text, confirmText, action }: ConfirmButtonProps) {
  const isConfirming = useSignal(false);
  if (!isConfirming.value)
    return (
      <button type="button" onClick={() => (isConfirming.value = true)}>
        {text}
      </button>
    );
  return (
    <>
      <button
        type="button"
        class="danger"
        onClick={() => {
          isConfirming.value = false;
          action();
        }}
      >
        {confirmText}
      </button>
      <button type="button" onClick={() => (isConfirming.value = false)}>
        Keep
      </button>
    </>
  );
}
