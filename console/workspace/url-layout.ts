/** Keeps the layout in sync with the URL fragment. */
import { formatLayout, Layout, parseLayout } from "./layout.ts";

/** Creates the layout of the URL, writes changes to the URL, and follows links. @returns also a function that ends it */
export function layoutOfUrl(): readonly [Layout, () => void] {
  const layout = new Layout(parseLayout(location.hash), (changed) => {
    const text = formatLayout(changed);
    history.replaceState(null, "", text === "" ? location.pathname + location.search : `#${text}`);
  });
  const follow = () => layout.replace(parseLayout(location.hash));
  addEventListener("hashchange", follow);
  return [layout, () => removeEventListener("hashchange", follow)];
}
