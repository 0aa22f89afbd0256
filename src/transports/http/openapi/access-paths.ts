/** Routes of logins, tickets and administration, in the OpenAPI document. */
import { TICKET_ROUTES } from "../../../access/identity/ticket-scope.ts";
import type { Operation, Paths } from "./paths.ts";
import { FAULTS, problem, SMALL_BODY, text } from "./responses.ts";

const page = (summary: string): Operation => ({
  tags: ["access"],
  summary,
  security: [],
  responses: { "200": { description: summary, content: { "text/html": { schema: { type: "string" } } } } },
});

const LOGIN: Operation = {
  tags: ["access"],
  summary: "Exchange a key or token for a cookie",
  security: [],
  requestBody: {
    content: {
      "application/json": {
        schema: { type: "object", required: ["token"], properties: { token: { type: "string" } } },
      },
    },
  },
  responses: { "200": text("The cookie is set."), "401": FAULTS["401"], ...SMALL_BODY },
};

const SESSION: Operation = {
  tags: ["access"],
  summary: "Return the identity and its permissions",
  responses: {
    "200": {
      description: "The identity of the key, token or cookie.",
      content: {
        "application/json": {
          schema: {
            type: "object",
            properties: {
              identity: { type: "string" },
              permissions: { type: "array", items: { type: "string" } },
              expires: { type: "string", nullable: true, format: "date-time" },
            },
            example: { identity: "key:lab-camera", permissions: ["read:rover:*"], expires: null },
          },
        },
      },
    },
    "401": FAULTS["401"],
  },
};

const TICKETS: Operation = {
  tags: ["access"],
  summary: "Create a one-time ticket for a URL",
  description:
    "`?ticket=…` authorizes one connection or request within `expires_in` seconds. A ticket with a route and streams is valid only for those.",
  requestBody: {
    content: {
      "application/json": {
        schema: {
          type: "object",
          properties: {
            route: { type: "string", enum: [...TICKET_ROUTES] },
            stream: { type: "string" },
            streams: { type: "array", items: { type: "string" } },
            device: { type: "string" },
            prefix: { type: "string" },
          },
        },
      },
    },
  },
  responses: {
    "200": {
      description: "The ticket.",
      content: {
        "application/json": {
          schema: {
            type: "object",
            properties: { ticket: { type: "string" }, expires_in: { type: "number" } },
          },
        },
      },
    },
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
  parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
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
