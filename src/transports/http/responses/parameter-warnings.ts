/** Hook that warns about unknown parameters of HTTP requests. */
import type { FastifyInstance } from "fastify";
import type { ParameterRoute } from "../../request/parameters/parameters.ts";
import { unknownParameters } from "../../request/parameters/unknown-parameters.ts";
import { warn } from "../../request/warning-headers.ts";
import type { Warnings } from "../../request/warnings.ts";

/** Routes with a parameter table, by method and pattern. */
const ROUTES: Readonly<Record<string, ParameterRoute>> = {
  "GET /data/:stream_id": "get",
  "POST /data/:stream_id": "post",
  "GET /data/:stream_id/entries": "entries",
  "GET /data/:stream_id/entries/:entry_id": "entry",
  "HEAD /data/:stream_id/entries/:entry_id": "entry",
  "GET /data/:stream_id/density": "density",
  "GET /data/:stream_id/events": "events",
  "GET /data/:stream_id/mjpeg": "mjpeg",
  "GET /data/:stream_id/work": "groups",
  "GET /data/:stream_id/work/:group/pending": "groups",
  "DELETE /data/:stream_id/work/:group": "groups",
  "POST /data/:stream_id/work/:group": "settle",
  "POST /data/:stream_id/work/:group/next": "next",
};

/** Warns about unknown parameters on every data route. */
export function addParameterWarnings(app: FastifyInstance, warnings: Warnings): void {
  app.addHook("onRequest", (request, reply, done) => {
    const url = request.raw.url ?? "";
    const at = url.indexOf("?");
    const route = at < 0 ? undefined : ROUTES[`${request.method} ${request.routeOptions.url}`];
    if (route !== undefined) warn(reply, warnings, "parameter", unknownParameters(route, url.slice(at)));
    done();
  });
}
