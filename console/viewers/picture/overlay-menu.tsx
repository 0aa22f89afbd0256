/** Menu of the streams whose shapes are drawn over a picture. */
import { Menu } from "../../design/menu.tsx";
import type { Overlays } from "./use-overlays.ts";

/** Renders the menu; nothing if the device has no other stream. */
export function OverlayMenu({ overlays }: { readonly overlays: Overlays }) {
  const count = overlays.selected.value.length;
  if (overlays.candidates.value.length === 0) return null;
  return (
    <Menu label="Overlays" icon="boxes" text={count === 0 ? "Overlays" : `Overlays: ${count}`} side="up">
      {() => (
        <>
          <h2>Draw the boxes of</h2>
          {overlays.candidates.value.map((key) => (
            <label key={key}>
              <input
                type="checkbox"
                checked={overlays.selected.value.includes(key)}
                onChange={() => overlays.toggle(key)}
              />
              {key}
            </label>
          ))}
        </>
      )}
    </Menu>
  );
}
