/** Field that filters or searches as the user types. */
import type { Signal } from "@preact/signals";
import type { ComponentProps } from "preact";

interface SearchFieldProps
  extends Pick<ComponentProps<"input">, "id" | "aria-label" | "placeholder" | "title"> {
  /** The typed text. */
  readonly text: Signal<string>;
}

/** Renders the field. */
export function SearchField({ text, ...attributes }: SearchFieldProps) {
  return (
    <input
      type="search"
      {...attributes}
      value={text.value}
      onInput={({ currentTarget }) => {
        text.value = currentTarget.value;
      }}
    />
  );
}
