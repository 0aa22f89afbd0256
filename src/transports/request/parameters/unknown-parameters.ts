/** Warnings about query parameters that a route does not define. Unknown parameters are accepted: deployed clients send some. */
import { parse } from "fast-querystring";
import { nearestName } from "../../../domain/nearest-name.ts";
import { type ParameterRoute, rowsOf } from "./parameters.ts";

/** Maximum characters of an unknown name in a warning. */
const NAME_SHOWN = 40;
/** Maximum number of warnings about unknown parameters per request. */
const MAX_REPORTED = 3;

/** Returns one warning per parameter that the route does not define, at most three. */
export function unknownParameters(route: ParameterRoute, search: string): readonly string[] {
  const text = search.startsWith("?") ? search.slice(1) : search;
  if (text === "") return [];
  const names = Object.keys(rowsOf(route));
  return Object.keys(parse(text))
    .filter((name) => name !== "" && !names.includes(name))
    .slice(0, MAX_REPORTED)
    .map((name) => {
      const nearest = nearestName(name, names);
      const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
      return `unknown parameter ${JSON.stringify(name.slice(0, NAME_SHOWN))}${hint}`;
    });
}
