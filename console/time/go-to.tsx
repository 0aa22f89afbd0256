/** Field of the time bar for a moment to go to. */
import { useSignal } from "@preact/signals";
import type { Workspace } from "../workspace/workspace.ts";
import { parsePosition } from "./time-range.ts";

/** Id of the field. Keys and commands focus it, too. */
export const GO_TO_ID = "go-to";

interface GoToProps {
  readonly workspace: Workspace;
  /** Called when the field has received the focus. */
  readonly focused: () => void;
}

/** Renders the field. */
export function GoTo({ workspace: { clock, isUtc }, focused }: GoToProps) {
  const isInvalid = useSignal(false);
  return (
    <form
      class="go-to"
      onSubmit={(event) => {
        event.preventDefault();
        const field = event.currentTarget.elements.namedItem("at");
        if (!(field instanceof HTMLInputElement)) return;
        const position = parsePosition(field.value, clock.timeMs, isUtc.peek());
        isInvalid.value = position === undefined;
        if (position === undefined) return;
        clock.seek(position);
        field.value = "";
      }}
    >
      <input
        name="at"
        id={GO_TO_ID}
        aria-label="Go to"
        aria-invalid={isInvalid.value}
        placeholder="Go to 13:05:20, -30s"
        title="A time, a date and time, -30s or +2m from here, or an entry id (G)"
        autocomplete="off"
        onFocus={focused}
        onInput={() => (isInvalid.value = false)}
      />
    </form>
  );
}
