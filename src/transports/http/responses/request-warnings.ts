/** Response headers with warnings about the request. */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { TransportParts } from "../../parts.ts";
import type { ParameterRoute } from "../../request/parameters.ts";
import { unknownParameters } from "../../request/unknown-parameters.ts";
import {
  type NamedTime,
  oddTimes,
  timeWarnings,
  WARNINGS_HEADER,
  type WarningKind,
  type Warnings,
  warningsHeader,
} from "../../request/warnings.ts";

/** Routes with a parameter table, by method and pattern. */
const ROUTES: Readonly<Record<string, ParameterRoute>> = {
  "GET /data/:stream_id": "get",
  "POST /data/:stream_id": "post",
  "GET /data/:stream_id/entries": "entries",
  "GET /data/:stream_id/entries/:entry_id": "entry",
  "HEAD /data/:stream_id/entries/:entry_id": "entry",
  "GET /data/:stream_id/events": "events",
  "GET /data/:stream_id/mjpeg": "mjpeg",
  "GET /data/:stream_id/work": "groups",
  "GET /data/:stream_id/work/:group/pending": "groups",
  "DELETE /data/:stream_id/work/:group": "groups",
  "POST /data/:stream_id/work/:group": "settle",
  "POST /data/:stream_id/work/:group/next": "next",
};

/** Warns about unknown parameters on every data route. */
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
 * Warns about times that are probably not in milliseconds. To be called after the permission check.
 *
 * @returns undefined instead of a promise in the usual case that all times are plausible
 */
export function warnOfTimes(
  reply: FastifyReply,
  { streams: { registry }, observe: { warnings } }: TransportParts,
  times: readonly NamedTime[],
): Promise<void> | undefined {
  const odd = oddTimes(times);
  if (odd.length === 0) return undefined;
  return timeWarnings(registry, odd).then((texts) => warn(reply, warnings, "time", texts));
}

/** Adds warnings to a response, and reports them to the operator. */
export function warn(
  reply: FastifyReply,
  warnings: Warnings,
  kind: WarningKind,
  texts: readonly string[],
): void {
  if (texts.length === 0) return;
  const { visitor, method, routeOptions } = reply.request;
  warnings.note(kind, texts, {
    route: `${method} ${routeOptions.url}`,
    connection: visitor.id,
    address: visitor.address,
    identity: visitor.identity.name,
  });
  const before = reply.getHeader(WARNINGS_HEADER);
  const known: readonly string[] = typeof before === "string" ? JSON.parse(before) : [];
  reply.header(WARNINGS_HEADER, warningsHeader([...known, ...texts]));
}
