/** Keys that work everywhere outside of fields: space, arrows, `/`, `g`, `l`, `?`. */
import type { Signal } from "@preact/signals";
import type { Workspace } from "../workspace/workspace.ts";

/** Elements that use these keys themselves. */
const OWN_KEYS = "input, select, button, textarea, summary, a, [role=tab], [role=separator], [role=treegrid]";

/** Follows the keys. @param isHelpOpen whether the list of keys is open @returns a function that ends it */
export function watchKeys({ clock, layout }: Workspace, isHelpOpen: Signal<boolean>): () => void {
  const handle = (event: KeyboardEvent) => {
    const isOwn = event.target instanceof Element && event.target.closest(OWN_KEYS) !== null;
    const isTyping =
      event.target instanceof Element && event.target.closest("input, select, textarea") !== null;
    if (
      event.defaultPrevented ||
      isTyping ||
      isHelpOpen.peek() ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey
    )
      return;
    const isRunning = clock.mode.peek() !== "paused" && clock.mode.peek() !== "past";
    const field = { "/": "search", g: "go-to" }[event.key];
    if (field !== undefined) document.getElementById(field)?.focus();
    else if (event.key === "?") isHelpOpen.value = true;
    else if (isOwn) return;
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
