/** A button that copies a text, and shows whether it could. */
import { useSignal } from "@preact/signals";

/** Time for which the result is shown, ms. */
const SHOWN_MS = 2500;

/** Renders the button. */
export function CopyButton({ text }: { readonly text: () => string }) {
  const result = useSignal("Copy");
  const show = (shown: string) => {
    result.value = shown;
    setTimeout(() => {
      result.value = "Copy";
    }, SHOWN_MS);
  };
  return (
    <button
      type="button"
      onClick={() =>
        navigator.clipboard.writeText(text()).then(
          () => show("Copied"),
          () => show("Select the text to copy it"),
        )
      }
    >
      <span aria-live="polite">{result}</span>
    </button>
  );
}
