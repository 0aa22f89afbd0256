/** Rejects unknown options, because a misspelled option would silently be ignored. */
import { nearestName } from "../../src/domain/nearest-name.ts";
import { finalError } from "../errors.ts";

/** The names of all options of a type. The compiler reports a missing name. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/** Checks option names. @throws StreamerError BAD_PARAMETER for the first unknown option */
export function checkOptions<Options extends object>(
  given: Options,
  known: OptionNames<Required<Options>>,
): void {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name)) continue;
    const nearest = nearestName(name, Object.keys(known));
    const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
    throw finalError("BAD_PARAMETER", `unknown option ${JSON.stringify(name)}${hint}`);
  }
}
