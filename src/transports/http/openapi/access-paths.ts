/** Routes of logins, tickets and administration, in the OpenAPI document. */
import { TICKET_ROUTES } from "../../../access/identity/ticket-scope.ts";
import type { Operation, Paths } from "./paths.ts";
import { FAULTS, problem, SMALL_BODY, text } from "./responses.ts";
import { body, contentOf, listOf, NUMBER, object, pathParameter, STRING, TIME } from "./schemas.ts";

const page = (summary: string): Operation => ({
  tags: ["access"],
  summary,
  security: [],
  responses: { "200": body(summary, STRING, "text/html") },
});

const LOGIN: Operation = {
  tags: ["access"],
  summary: "Exchange a key or token for a cookie",
  security: [],
  requestBody: { content: contentOf(object({ token: STRING }, ["token"])) },
  responses: { "200": text("The cookie is set."), "401": FAULTS["401"], ...SMALL_BODY },
};

const SESSION: Operation = {
  tags: ["access"],
  summary: "Return the identity and its permissions",
  responses: {
    "200": body("The identity of the key, token or cookie.", {
      ...object({ identity: STRING, permissions: listOf(STRING), expires: TIME }),
      example: { identity: "key:lab-camera", permissions: ["read:rover:*"], expires: null },
    }),
    "401": FAULTS["401"],
  },
};

const TICKETS: Operation = {
  tags: ["access"],
  summary: "Create a one-time ticket for a URL",
  description:
    "`?ticket=…` authorizes one connection or request within `expires_in` seconds. A ticket with a route and streams is valid only for those.",
  requestBody: {
    content: contentOf(
      object({
        route: { ...STRING, enum: [...TICKET_ROUTES] },
        stream: STRING,
        streams: listOf(STRING),
        ...{ device: STRING, prefix: STRING },
      }),
    ),
  },
  responses: {
    "200": body("The ticket.", object({ ticket: STRING, expires_in: NUMBER })),
    "401": FAULTS["401"],
    "403": FAULTS["403"],
    ...SMALL_BODY,
  },
};

const CONNECTIONS: Operation = {
  tags: ["access"],
  summary: "List open connections",
  responses: { "200": text("The connections."), "401": FAULTS["401"], "403": FAULTS["403"] },
};

const CLOSE_CONNECTION: Operation = {
  tags: ["access"],
  summary: "Close a connection",
  parameters: [pathParameter("id")],
  responses: {
    "204": text("The connection is closed."),
    "401": FAULTS["401"],
    "403": FAULTS["403"],
    "404": problem("No such connection."),
  },
};

/** The routes of access. */
export const ACCESS_PATHS: Paths = {
  "/login": { get: page("Login page"), post: LOGIN },
  "/logout": {
    post: { tags: ["access"], summary: "Delete the cookie", responses: { "204": text("Done.") } },
  },
  "/session": { get: SESSION },
  "/tickets": { post: TICKETS },
  "/admin/connections": { get: CONNECTIONS },
  "/admin/connections/{id}": { delete: CLOSE_CONNECTION },
};
