/** Refuses unknown options where they are given, because a misspelled one would silently mean its default. */
import { nearestName } from "../src/domain/nearest-name.ts";
import { StreamerError } from "./errors.ts";

/** Names every option of a type once, so that the compiler finds one that is missing here. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/** @throws StreamerError BAD_PARAMETER that names the first option that is not known */
export function checkOptions<Options extends object>(
  given: Options,
  known: OptionNames<Required<Options>>,
): void {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name)) continue;
    const nearest = nearestName(name, Object.keys(known));
    const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
    throw new StreamerError("BAD_PARAMETER", `unknown option ${JSON.stringify(name)}${hint}`, {
      retryable: false,
    });
  }
}
