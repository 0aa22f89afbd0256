/** Keyboard shortcuts: Ctrl-K everywhere, and outside of fields space, arrows, `/`, `g`, `l`, `?`. */
import type { Workspace } from "../workspace/workspace.ts";
import type { Dialogs } from "./dialogs.ts";

/** The slider of the time bar. Its own arrow keys would move by 1 ms. */
const SLIDER = ".time-track input[type=range]";
/** Elements that the user types into. */
const FIELDS = `input:not(${SLIDER}, [type=checkbox]), select, textarea`;
/** Further elements that use arrow keys themselves. */
const OWN_ARROWS = "[role=tab], [role=separator], [role=treegrid]";
/** Elements that the space bar presses. After a click they have the focus, so the other keys still work there. */
const PRESSED = "button, summary, a, [type=checkbox]";

/** Handles the keys of the page. @returns a function that ends it */
export function watchKeys({ clock, layout }: Workspace, dialogs: Dialogs): () => void {
  const { help, palette } = dialogs;
  const handle = (event: KeyboardEvent) => {
    const isIn = (elements: string) =>
      event.target instanceof Element && event.target.closest(elements) !== null;
    const isCommand = event.ctrlKey || event.metaKey;
    if (event.defaultPrevented || help.peek()) return;
    if (palette.peek()) {
      if (!isIn("dialog")) typeAhead(event, dialogs);
      return;
    }
    if (isCommand && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      // In a browser it would search the web.
      event.preventDefault();
      dialogs.typedAhead.value = "";
      palette.value = true;
      return;
    }
    if (isIn(FIELDS) || isCommand || event.altKey) return;
    const { isRunning } = clock;
    const field = { "/": "search", g: "go-to" }[event.key];
    if (field !== undefined) document.getElementById(field)?.focus();
    else if (event.key === "?") help.value = true;
    else if (isIn(OWN_ARROWS) || (event.key === " " && isIn(PRESSED))) return;
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

/** Handles a key while the palette is being loaded. */
function typeAhead(event: KeyboardEvent, { palette, typedAhead }: Dialogs): void {
  if (event.key === "Escape") palette.value = false;
  else if (event.key === "Enter") typedAhead.value += "\n";
  else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) typedAhead.value += event.key;
  else return;
  event.preventDefault();
}
