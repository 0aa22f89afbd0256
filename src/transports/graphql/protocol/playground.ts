/** GraphQL playground: Altair, served without external files, with example operations in its tabs. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { AltairConfigOptions } from "altair-static";
import type { FastifyInstance, FastifyReply } from "fastify";
import { FILES_POLICY, hashSource, type Policy, pageHeaders } from "../../response/security-headers.ts";
import { EXAMPLES } from "./examples.ts";

const BASE = "/graphql/playground/";
/** Files of the page. Loading the module of the package, which only names this folder, would be a quarter of the gateway's start. */
const FOLDER = join(dirname(createRequire(import.meta.url).resolve("altair-static")), "dist");

/** Adds the routes of the files of the page. */
export async function addPlayground(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: FOLDER,
    prefix: BASE,
    decorateReply: false,
    index: false,
    maxAge: "1d",
  });
}

/** Options of Altair. The page itself fills in the URLs, because only it knows the address that the browser uses. */
const OPTIONS: AltairConfigOptions = {
  initialWindows: EXAMPLES.map(({ name, query, variables }) => ({
    initialName: name,
    initialQuery: query,
    initialVariables: JSON.stringify(variables ?? {}, null, 2),
    initialSubscriptionRequestHandlerId: "graphql-ws",
  })),
  instanceStorageNamespace: "redis-streamer_",
  disableAccount: true,
  persistedSettings: {
    "alert.disableUpdateNotification": true,
    "banners.disable": true,
    "introspection.options.inputValueDeprecation": true,
  },
};

const START = `
const options = ${JSON.stringify(OPTIONS).replaceAll("<", "\\u003c")};
const http = location.origin + location.pathname;
const endpoint = { endpointURL: http, subscriptionsEndpoint: http.replace(/^http/, "ws") };
options.initialWindows = options.initialWindows.map((one) => ({ ...one, ...endpoint }));
AltairGraphQL.init({ ...options, ...endpoint });
`;

const PAGE = readFileSync(join(FOLDER, "index.html"), "utf8")
  .replace("<title>Altair</title>", "<title>Redis Streamer: GraphQL</title>")
  .replace('<base href="/" />', `<base href="${BASE}" />`)
  .replace("</body>", `<script type="module">${START}</script></body>`);

/**
 * Content security policy: that of static pages, plus the script above and inline styles. The framework and the editor
 * of Altair create styles at run time without a nonce. Styles can fetch only from this gateway, like everything else.
 */
const POLICY: Policy = {
  ...FILES_POLICY,
  "base-uri": ["'self'"],
  "script-src": ["'self'", hashSource(START)],
  "style-src": ["'self'", "'unsafe-inline'"],
};

/** Sends the page. */
export const sendPlayground = (reply: FastifyReply, pathPrefix: string): FastifyReply =>
  reply
    .headers(pageHeaders(POLICY))
    .type("text/html; charset=utf-8")
    .header("cache-control", "no-cache")
    .send(PAGE.replace(`<base href="`, `<base href="${pathPrefix}`));
