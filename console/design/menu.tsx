/** A button that opens a sheet below it. It closes on a click outside, on Escape, and when the focus leaves it. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icon.tsx";
import "./menu.css";

interface MenuProps {
  /** Accessible name of the button. */
  readonly label: string;
  readonly icon: IconName;
  /** Visible text of the button. */
  readonly text?: string | undefined;
  /** Further classes of the sheet: `up` opens above, `start` aligns with the left edge. */
  readonly side?: string;
  readonly children: (close: () => void) => ComponentChildren;
}

/** Renders the button and, while it is open, the sheet. */
export function Menu({ label, icon, text, side = "", children }: MenuProps) {
  const isOpen = useSignal(false);
  const root = useRef<HTMLDivElement>(null);
  const close = () => {
    isOpen.value = false;
  };
  useEffect(() => {
    if (!isOpen.value) return;
    const outside = (event: Event) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) isOpen.value = false;
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      isOpen.value = false;
      root.current?.querySelector("button")?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    document.addEventListener("keydown", onKey);
    return () => {
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [isOpen.value]);
  // The name has the visible text, so that it can be spoken.
  const name = text === undefined || text.startsWith(label) ? (text ?? label) : `${label}: ${text}`;
  return (
    <div class="menu" ref={root}>
      <button
        type="button"
        class={text === undefined ? "quiet icon" : "quiet"}
        aria-label={name}
        title={label}
        aria-expanded={isOpen.value}
        onClick={() => (isOpen.value = !isOpen.value)}
      >
        <Icon of={icon} />
        {text !== undefined && <span class="word">{text}</span>}
      </button>
      {isOpen.value && (
        <div class={`sheet ${side}`} role="group" aria-label={label}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
