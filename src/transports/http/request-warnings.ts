/** Puts warnings about a request into the headers of its response. */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Log } from "../../redis/read/stream-reader.ts";
import { type ParameterRoute, unknownParameters } from "../request/parameters.ts";
import {
  type NamedTime,
  oddTimes,
  timeWarnings,
  WARNINGS_HEADER,
  type WarningKind,
  type Warnings,
  warningsHeader,
} from "../request/warnings.ts";

/** Routes whose parameters are in the table, by method and pattern. */
const ROUTES: Readonly<Record<string, ParameterRoute>> = {
  "GET /data/:stream_id": "get",
  "POST /data/:stream_id": "post",
  "GET /data/:stream_id/entries": "entries",
  "GET /data/:stream_id/events": "events",
  "GET /data/:stream_id/mjpeg": "mjpeg",
};

/** Warns of unknown parameters on every data route. */
export function addRequestWarnings(app: FastifyInstance, warnings: Warnings): void {
  app.addHook("onRequest", (request, reply, done) => {
    const url = request.raw.url ?? "";
    const at = url.indexOf("?");
    const route = at < 0 ? undefined : ROUTES[`${request.method} ${request.routeOptions.url}`];
    if (route !== undefined) warn(reply, warnings, "parameter", unknownParameters(route, url.slice(at)));
    done();
  });
}

/**
 * Warns of times that are probably not in milliseconds, after the request is known to be permitted.
 *
 * @returns undefined, without a promise, if no time is odd, which is the usual case
 */
export function warnOfTimes(
  reply: FastifyReply,
  { log, warnings }: { readonly log: Log; readonly warnings: Warnings },
  times: readonly NamedTime[],
): Promise<void> | undefined {
  const odd = oddTimes(times);
  if (odd.length === 0) return undefined;
  return timeWarnings(log, odd).then((sentences) => warn(reply, warnings, "time", sentences));
}

function warn(
  reply: FastifyReply,
  warnings: Warnings,
  kind: WarningKind,
  sentences: readonly string[],
): void {
  if (sentences.length === 0) return;
  const { visitor, method, routeOptions } = reply.request;
  warnings.note(kind, sentences, {
    door: `${method} ${routeOptions.url}`,
    connection: visitor.id,
    address: visitor.address,
    identity: visitor.identity.name,
  });
  const before = reply.getHeader(WARNINGS_HEADER);
  const known: readonly string[] = typeof before === "string" ? JSON.parse(before) : [];
  reply.header(WARNINGS_HEADER, warningsHeader([...known, ...sentences]));
}
