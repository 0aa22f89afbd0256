/**
 * The largest body of each route. A route takes 16 KB unless this table says otherwise, so that a new route cannot
 * accept, buffer and parse megabytes by omission. Fastify enforces the limit while the body arrives.
 */
import type { FastifyInstance } from "fastify";

/** Largest body of a route that is not in the table, in bytes: logins, tickets, administration. */
export const SMALL_BODY_BYTES = 16 * 1024;

/** Bodies that settings bound, in bytes. */
export interface BodySettings {
  /** `MAX_MESSAGE_BYTES` */
  readonly maxMessageBytes: number;
  /** `GRAPHQL_MAX_BYTES` */
  readonly graphqlMaxBytes: number;
}

/** The routes whose bodies may be larger, by method and path. */
const LARGER: Readonly<Record<string, keyof BodySettings>> = {
  "POST /data/:stream_id": "maxMessageBytes",
  "GET /graphql": "graphqlMaxBytes",
  "POST /graphql": "graphqlMaxBytes",
};

/** Gives every route that is added from now on its limit. */
export function addBodyLimits(app: FastifyInstance, settings: BodySettings): void {
  app.addHook("onRoute", (route) => {
    const setting = LARGER[`${String(route.method)} ${route.url}`];
    route.bodyLimit =
      setting === undefined ? Math.min(SMALL_BODY_BYTES, settings.maxMessageBytes) : settings[setting];
  });
}
