/**
 * Body size limit of each route. The default is 16 KB, so that a new route does not buffer and parse megabytes by
 * accident. The limit is enforced while the body arrives.
 */
import type { FastifyInstance } from "fastify";

/** Limit (bytes) of routes that are not in the table: logins, tickets, administration. */
export const SMALL_BODY_BYTES = 16 * 1024;

/** Limits that are settings, in bytes. */
export interface BodySettings {
  /** `MAX_MESSAGE_BYTES` */
  readonly maxMessageBytes: number;
  /** `GRAPHQL_MAX_BYTES` */
  readonly graphqlMaxBytes: number;
}

/** Settings that limit larger bodies, by method and path. */
const LARGER: Readonly<Record<string, keyof BodySettings>> = {
  "POST /data/:stream_id": "maxMessageBytes",
  "GET /graphql": "graphqlMaxBytes",
  "POST /graphql": "graphqlMaxBytes",
};

/** Sets the limit of every route that is added after this call. */
export function addBodyLimits(app: FastifyInstance, settings: BodySettings): void {
  app.addHook("onRoute", (route) => {
    const setting = LARGER[`${String(route.method)} ${route.url}`];
    route.bodyLimit =
      setting === undefined ? Math.min(SMALL_BODY_BYTES, settings.maxMessageBytes) : settings[setting];
  });
}
