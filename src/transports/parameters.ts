/**
 * Query parameters of the data routes: the one table that the readers of a query are typed by, and that a request's
 * parameters are compared with. Unknown ones are accepted, because deployed clients send some, and reported.
 */
import { parse } from "fast-querystring";
import { nearestName } from "../domain/nearest-name.ts";

/** Accepted everywhere: names of the stream, and a ticket that stands for a token. */
const COMMON = ["device_id", "prefix", "ticket"] as const;
const READ = [...COMMON, "keep_device_id_in_stream_id"] as const;
const CURSOR = ["last_entry_id", "latest"] as const;
const DEDUPE = ["dedupe", "dedupe_from"] as const;

/** The parameters of each data route. */
export const PARAMETERS = {
  push: [...COMMON, ...DEDUPE, "header", "ack", "offsets", "format", "control", "presence", "status"],
  pull: [
    ...READ,
    ...CURSOR,
    "count",
    "block",
    "max_fps",
    "ack",
    "header",
    "offsets",
    "format",
    "gaps",
    "control",
    "status",
  ],
  get: [...READ, ...CURSOR, "count", "block", "offsets", "format"],
  post: [...COMMON, ...DEDUPE, "format"],
  entries: [...READ, "start", "end", "count", "reverse", "offsets", "format"],
  events: [...READ, ...CURSOR, "lastEventId", "format", "status"],
  mjpeg: [...READ, "last_entry_id", "max_fps"],
} as const;

/** A data route. */
export type ParameterRoute = keyof typeof PARAMETERS;

/** A parameter of any data route. */
export type ParameterName = (typeof PARAMETERS)[ParameterRoute][number];

/** Characters of an unknown name that a warning shows. */
const NAME_SHOWN = 40;
/** Unknown parameters that one request reports. */
const MOST_REPORTED = 3;

/** Returns a sentence for each parameter that a route does not know, at most three. */
export function unknownParameters(route: ParameterRoute, search: string): readonly string[] {
  const text = search.startsWith("?") ? search.slice(1) : search;
  if (text === "") return [];
  const names: readonly string[] = PARAMETERS[route];
  return Object.keys(parse(text))
    .filter((name) => name !== "" && !names.includes(name))
    .slice(0, MOST_REPORTED)
    .map((name) => {
      const nearest = nearestName(name, names);
      const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
      return `unknown parameter ${JSON.stringify(name.slice(0, NAME_SHOWN))}${hint}`;
    });
}
