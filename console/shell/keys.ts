/** Keys that work everywhere outside of fields: space, arrows, `/`, `g`, `l`, `?`. */
import type { Signal } from "@preact/signals";
import type { Workspace } from "../workspace/workspace.ts";

/** Elements that the user types into. */
const FIELDS = "input, select, textarea";
/** Further elements that use some of these keys themselves. */
const OWN_KEYS = "button, summary, a, [role=tab], [role=separator], [role=treegrid]";

/** Follows the keys. @param isHelpOpen whether the list of keys is open @returns a function that ends it */
export function watchKeys({ clock, layout }: Workspace, isHelpOpen: Signal<boolean>): () => void {
  const handle = (event: KeyboardEvent) => {
    const isIn = (elements: string) =>
      event.target instanceof Element && event.target.closest(elements) !== null;
    const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
    if (event.defaultPrevented || isIn(FIELDS) || isHelpOpen.peek() || hasModifier) return;
    const { isRunning } = clock;
    const field = { "/": "search", g: "go-to" }[event.key];
    if (field !== undefined) document.getElementById(field)?.focus();
    else if (event.key === "?") isHelpOpen.value = true;
    else if (isIn(OWN_KEYS)) return;
    else if (event.key === " ") isRunning ? clock.pause() : clock.play();
    else if (event.key === "l") clock.live();
    else if (event.key === "ArrowLeft") void clock.step(-1, layout.selectedKey.peek());
    else if (event.key === "ArrowRight" && !isRunning) void clock.step(1, layout.selectedKey.peek());
    else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", handle);
  return () => document.removeEventListener("keydown", handle);
}
