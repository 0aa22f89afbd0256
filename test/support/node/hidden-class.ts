/** Hidden classes of V8: a property of objects that share one is found at once, of others only after a search. */
import { setFlagsFromString } from "node:v8";

/** Returns the number of hidden classes among objects. */
export function hiddenClasses(objects: readonly object[]): number {
  setFlagsFromString("--allow-natives-syntax");
  const isSame = new Function("a", "b", "return %HaveSameMap(a, b)") as (a: object, b: object) => boolean;
  setFlagsFromString("--no-allow-natives-syntax");
  const firsts: object[] = [];
  for (const one of objects) if (!firsts.some((first) => isSame(first, one))) firsts.push(one);
  return firsts.length;
}
