/** Facts about entries, remembered per entry: each update of a pane needs those of all its entries again. */
import type { PulledEntry } from "../../client/browser.ts";

/** Returns a function with the same results as `derive`, which it calls once per entry. */
export function remembered<T>(derive: (entry: PulledEntry) => T): (entry: PulledEntry) => T {
  const known = new WeakMap<PulledEntry, { readonly fact: T }>();
  return (entry) => {
    let found = known.get(entry);
    if (found === undefined) {
      found = { fact: derive(entry) };
      known.set(entry, found);
    }
    return found.fact;
  };
}
