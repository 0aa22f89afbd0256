/** A name and its value, in a list of facts (`dl`). */
import type { ComponentChildren } from "preact";

/** Renders the pair. */
export function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
