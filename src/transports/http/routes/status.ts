/** Status routes: home page, liveness (`/healthz`), readiness (`/readyz`) and metrics. */
import type { FastifyInstance } from "fastify";
import type { Visitor } from "../../../access/admission.ts";
import { authorize, METRICS } from "../../../access/identity/authorize.ts";
import { asGatewayError, GatewayError } from "../../../domain/errors.ts";
import { within } from "../../../domain/scheduling/timeout.ts";
import type { Metrics } from "../../../observe/metrics.ts";
import { viewerLinks } from "../../../wire/foxglove/viewer-links.ts";
import { acceptsPage } from "../../request/media-types.ts";
import { errorBody } from "../../response/errors/append-results.ts";
import { RETRY_AFTER_SECONDS } from "../../response/errors/retry-after.ts";
import { sendPage } from "../../response/security-headers.ts";
import { homePage } from "../responses/pages.ts";
import { ALSO_HEAD, PUBLIC, type RouteParts } from "../route.ts";
import type { SendConsole } from "./console.ts";
import { sharePage } from "./shared-page.ts";

/** The metrics page, and the page of the console. */
export interface StatusPages {
  readonly metrics: Pick<Metrics, "contentType" | "text">;
  /** Sends the console to browsers at `/`; undefined if the console was not built. */
  readonly sendConsole: SendConsole | undefined;
}

const LINKS = {
  docs: "/docs",
  graphql: "/graphql",
  openapi: "/openapi.json",
  asyncapi: "/asyncapi.json",
  health: "/healthz",
  ready: "/readyz",
  metrics: "/metrics",
} as const;

const ABOUT = "WebSocket, HTTP and GraphQL in front of Redis Streams";

/** Timeout (ms) of the readiness check. */
const READY_TIMEOUT_MS = 2000;

/** Adds the routes. */
export function addStatus(
  app: FastifyInstance,
  { streams: { isReady, availability }, config: { version, pathPrefix } }: RouteParts,
  { metrics, sendConsole }: StatusPages,
): void {
  const own = Object.fromEntries(Object.entries(LINKS).map(([name, path]) => [name, pathPrefix + path]));
  const linksFor = ({ host, isSecure }: Visitor) =>
    host === undefined
      ? own
      : { ...own, ...viewerLinks(`${isSecure ? "https" : "http"}://${host}${pathPrefix}/`) };

  app.get("/", ALSO_HEAD, (request, reply) => {
    const links = linksFor(request.visitor);
    if (acceptsPage(request.headers.accept)) {
      if (sendConsole !== undefined) return sendConsole(reply);
      return sendPage(reply, homePage(ABOUT, version, links));
    }
    return reply.send({ name: "redis-streamer", version, about: ABOUT, links });
  });

  const unavailable = () => {
    const since = availability.unavailableSince();
    return since === undefined ? {} : { redis_unavailable_since: since.toISOString() };
  };

  // Public, because supervisors have no key. Reports "ok" also while Redis is unavailable: a restart would not help.
  app.get("/healthz", { ...PUBLIC, ...ALSO_HEAD }, () => ({ status: "ok", version, ...unavailable() }));

  app.get("/readyz", { ...PUBLIC, ...ALSO_HEAD }, async (_request, reply) => {
    try {
      const ready = isReady().then(() => true);
      if ((await within(READY_TIMEOUT_MS, ready)) !== true)
        throw new GatewayError("REDIS_UNAVAILABLE", "Redis does not reply");
      return { status: "ready" };
    } catch (error) {
      return reply
        .code(503)
        .header("retry-after", RETRY_AFTER_SECONDS)
        .send({ status: "not ready", ...errorBody(asGatewayError(error)), ...unavailable() });
    }
  });

  const metricsPage = sharePage(metrics.text);
  app.get("/metrics", async (request, reply) => {
    authorize(request.visitor.identity, "read", [METRICS]);
    return reply.type(metrics.contentType).send(await metricsPage());
  });
}
