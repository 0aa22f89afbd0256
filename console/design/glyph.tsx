/** Renders an icon of Lucide (ISC licence), which is decorative: the control that has it has a label. */
import type { IconNode } from "lucide";
import { h } from "preact";

interface GlyphProps {
  readonly node: IconNode;
  readonly small?: boolean;
}

/** Renders the icon. */
export function Glyph({ node, small = false }: GlyphProps) {
  return (
    <svg class={small ? "glyph small" : "glyph"} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {node.map(([tag, attributes]) => h(tag, attributes))}
    </svg>
  );
}
