/** A button that copies a text, and shows in its own place whether it could. */
import { useSignal } from "@preact/signals";
import { Icon, type IconName } from "./icon.tsx";

interface CopyButtonProps {
  readonly text: () => string;
  /** @default "Copy" */
  readonly label?: string;
  /** Name for screen readers, where there are several buttons with the same label. */
  readonly name?: string;
  readonly icon?: IconName;
  readonly isQuiet?: boolean;
}

/** Time for which the result is shown, ms. */
const SHOWN_MS = 2500;

/** Renders the button. */
export function CopyButton({ text, label = "Copy", name, icon, isQuiet = false }: CopyButtonProps) {
  const result = useSignal<string | undefined>(undefined);
  const show = (shown: string) => {
    result.value = shown;
    setTimeout(() => {
      result.value = undefined;
    }, SHOWN_MS);
  };
  return (
    <button
      type="button"
      class={isQuiet ? "quiet" : undefined}
      aria-label={name}
      onClick={() =>
        navigator.clipboard.writeText(text()).then(
          () => show("Copied"),
          () => show("The browser does not permit copying"),
        )
      }
    >
      {icon && <Icon of={icon} small />}
      <span aria-live="polite">{result.value ?? label}</span>
    </button>
  );
}
