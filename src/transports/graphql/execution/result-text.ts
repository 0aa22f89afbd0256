/** Serializes results as JSON. A large result is serialized in slices, so that other clients are served in between. */
import { runInSlices } from "../../../domain/work-slice.ts";
import { unmarkNumbers } from "./exact-numbers.ts";

/** Nesting levels that are serialized separately: `data`, a list, a device, its streams, an entry's page, its entries. */
const LEVELS = 7;

/** Returns the JSON text of a result. @param isLarge whether to serialize it in slices */
export async function resultText(result: object, isLarge: boolean): Promise<string> {
  if (!isLarge) return unmarkNumbers(JSON.stringify(result));
  const pieces: string[] = [];
  await runInSlices(write(result, LEVELS, pieces));
  return pieces.join("");
}

function* write(value: unknown, levels: number, out: string[]): Generator<void, void> {
  if (levels === 0 || typeof value !== "object" || value === null) {
    out.push(unmarkNumbers(JSON.stringify(value)));
    yield;
    return;
  }
  const isList = Array.isArray(value);
  let separator = isList ? "[" : "{";
  for (const [name, one] of isList ? value.entries() : Object.entries(value)) {
    if (one === undefined) continue;
    out.push(isList ? separator : `${separator}${JSON.stringify(name)}:`);
    separator = ",";
    yield* write(one, levels - 1, out);
  }
  if (separator !== ",") out.push(separator);
  out.push(isList ? "]" : "}");
}
