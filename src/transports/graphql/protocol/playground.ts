/** The playground: Altair, with every file from here, and examples of this API in its tabs. */
import fastifyStatic from "@fastify/static";
import { type AltairConfigOptions, getAltairHtml, getDistDirectory } from "altair-static";
import type { FastifyInstance, FastifyReply } from "fastify";
import { FILES_POLICY, hashSource, type Policy, pageHeaders } from "../../response/security-headers.ts";
import { EXAMPLES } from "./examples.ts";

const BASE = "/graphql/playground/";

/** Adds the page's files. */
export async function addPlayground(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: getDistDirectory(),
    prefix: BASE,
    decorateReply: false,
    index: false,
    maxAge: "1d",
  });
}

/** What the page starts with. Its addresses are filled in by the page itself, which knows how it was reached. */
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

const PAGE = getAltairHtml()
  .replace("<title>Altair</title>", "<title>Redis Streamer: GraphQL</title>")
  .replace('<base href="/" />', `<base href="${BASE}" />`)
  .replace("</body>", `<script type="module">${START}</script></body>`);

/**
 * As that of all pages that are files, with the script above, and styles that the page's framework and editor write while it
 * runs: neither can be told a nonce for them. What a style may fetch is bound to this gateway like the rest.
 */
const POLICY: Policy = {
  ...FILES_POLICY,
  "base-uri": ["'self'"],
  "script-src": ["'self'", hashSource(START)],
  "style-src": ["'self'", "'unsafe-inline'"],
};

/** Answers with the page. */
export const sendPlayground = (reply: FastifyReply, pathPrefix: string): FastifyReply =>
  reply
    .headers(pageHeaders(POLICY))
    .type("text/html; charset=utf-8")
    .header("cache-control", "no-cache")
    .send(PAGE.replace(`<base href="`, `<base href="${pathPrefix}`));
