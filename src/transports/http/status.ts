/** What operators and people look at first: what this is, whether it lives, whether Redis answers, what it counts. */
import type { FastifyInstance } from "fastify";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import type { Metrics } from "../../observe/metrics.ts";
import type { Log } from "../../redis/log.ts";
import { errorBody } from "../append-results.ts";
import { RETRY_AFTER_SECONDS } from "./context.ts";

/** What the status routes show. */
export interface StatusParts {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly version: string;
}

const LINKS = {
  docs: "/docs",
  graphql: "/graphql",
  openapi: "/openapi.json",
  health: "/healthz",
  ready: "/readyz",
  metrics: "/metrics",
} as const;

const ABOUT = "WebSocket, HTTP and GraphQL in front of Redis Streams";

/** How long (ms) the readiness check waits for Redis. */
const READY_WITHIN_MS = 2000;

/** Load balancers and uptime checks like to ask by HEAD. */
const ALSO_HEAD = { exposeHeadRoute: true };

/** Adds the routes. */
export function addStatus(app: FastifyInstance, { log, metrics, version }: StatusParts): void {
  app.get("/", ALSO_HEAD, (request, reply) => {
    if (request.headers.accept?.includes("text/html")) {
      return reply.type("text/html; charset=utf-8").send(homePage(version));
    }
    return reply.send({ name: "redis-streamer", version, about: ABOUT, links: LINKS });
  });

  app.get("/healthz", ALSO_HEAD, () => ({ status: "ok", version }));

  app.get("/readyz", ALSO_HEAD, async (_request, reply) => {
    try {
      await within(READY_WITHIN_MS, log.ping());
      return { status: "ready" };
    } catch (error) {
      return reply
        .code(503)
        .header("retry-after", RETRY_AFTER_SECONDS)
        .send({ status: "not ready", ...errorBody(asGatewayError(error)) });
    }
  });

  app.get("/metrics", async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
}

async function within(ms: number, answer: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new GatewayError("REDIS_AWAY", "Redis does not answer")), ms);
  });
  try {
    await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

function homePage(version: string): string {
  const links = Object.entries(LINKS).map(([name, href]) => `<li><a href="${href}">${name}</a></li>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Redis Streamer</title>
<link rel="icon" href="data:,">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}code{font-size:.9em}</style>
<h1>Redis Streamer</h1>
<p>${ABOUT}, version ${version}.</p>
<ul>
<li>send: <code>ws://…/data/{stream_id}/push</code> or <code>POST /data/{stream_id}</code></li>
<li>receive: <code>ws://…/data/{stream_id}/pull</code>, <code>GET /data/{stream_id}</code>, <code>…/events</code>, <code>…/mjpeg</code>, <code>…/entries</code></li>
</ul>
<ul>
${links.join("\n")}
</ul>
</html>
`;
}
