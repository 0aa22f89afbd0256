/**
 * Ticket scope: limits a ticket to one route and its streams. URLs with tickets are copied into logs, histories and chats;
 * a scoped ticket found there permits one route of one stream and nothing else.
 */
import { badParameter, GatewayError } from "../../domain/errors.ts";
import type { Action } from "./grant.ts";

/** The action of each route of `/data/{stream_id}`, by the route name in a ticket request. */
const ROUTES = {
  get: "read",
  post: "write",
  push: "write",
  pull: "read",
  events: "read",
  mjpeg: "read",
  entries: "read",
  entry: "read",
  density: "read",
  work: "work",
} as const satisfies Record<string, Action>;

/** Paths of consumer groups, whose first part names the route. */
const WORK_PATH = /(\/data\/[^/]+\/work)\/[^/]+(\/next)?\/?$/;

/** A route that a ticket can be requested for. */
export type TicketRoute = keyof typeof ROUTES;

/** All routes that a ticket can be requested for. */
export const TICKET_ROUTES = Object.keys(ROUTES) as readonly TicketRoute[];

/** One route, and the streams that it may name. */
export interface TicketScope {
  readonly route: TicketRoute;
  readonly action: Action;
  /** The streams' keys in Redis. */
  readonly keys: readonly string[];
}

/** Creates a scope. @throws GatewayError BAD_PARAMETER for an unknown route, or no stream */
export function ticketScope(route: unknown, keys: readonly string[]): TicketScope {
  const known = TICKET_ROUTES.find((one) => one === route);
  if (known === undefined)
    throw badParameter("route", `must be one of ${TICKET_ROUTES.join(", ")}, got ${JSON.stringify(route)}`);
  if (keys.length === 0)
    throw badParameter("stream", "is missing; a ticket for a route must name its stream");
  return { route: known, action: ROUTES[known], keys };
}

/**
 * Checks that a request is for the route that its ticket was requested for.
 *
 * @param url the request's URL, with or without the path prefix of a proxy
 * @throws GatewayError FORBIDDEN
 */
export function checkTicketRoute({ route }: TicketScope, method: string, url: string): void {
  const path = (url.split("?", 1)[0] ?? "").replace(WORK_PATH, "$1");
  const [, last, isEntry] = /\/data\/[^/]+(?:\/([a-z]+)|\/entries\/([^/]+))?\/?$/.exec(path) ?? [
    undefined,
    "none",
  ];
  const actual = isEntry === undefined ? (last ?? (method === "POST" ? "post" : "get")) : "entry";
  if (actual !== route)
    throw new GatewayError("FORBIDDEN", `the ticket is valid only for the route ${route}, got ${actual}`);
}
