/** Route `/graphql` in the OpenAPI document. */
import { textParameter } from "./parameters.ts";
import type { Operation, Paths } from "./paths.ts";
import { problem, text } from "./responses.ts";
import { body, contentOf, OBJECT, object, STRING } from "./schemas.ts";

const RESULT = {
  "200": body("The result, with `errors` where a field failed.", OBJECT),
  "400": text("Not a valid GraphQL request."),
};

const GRAPHQL_GET: Operation = {
  tags: ["graphql"],
  summary: "Run a GraphQL query",
  description: [
    "A browser receives the playground, which documents every field. With `Accept: text/event-stream`, and for subscriptions, the",
    "results are server-sent events. Or connect with `ws://` (`graphql-transport-ws`, `graphql-ws`).",
  ].join("\n"),
  parameters: [
    textParameter("query", "The document. Mutations require POST."),
    textParameter("variables", "The variables, as a JSON object."),
    textParameter("operationName", "Name of the operation in the document."),
  ],
  responses: {
    ...RESULT,
    "405": text("A mutation by GET."),
  },
};

const GRAPHQL_POST: Operation = {
  tags: ["graphql"],
  summary: "Run a GraphQL operation",
  requestBody: {
    content: contentOf(object({ query: STRING, variables: OBJECT, operationName: STRING }, ["query"])),
  },
  responses: {
    ...RESULT,
    "413": problem("The request is too large."),
    "415": text("The body is not JSON."),
  },
};

const GRAPHQL_RESERVE: Operation = {
  tags: ["graphql"],
  summary: "Reserve an event stream for several operations",
  responses: { "201": text("The token of the stream, for the header `x-graphql-event-stream-token`.") },
};

const GRAPHQL_STOP: Operation = {
  tags: ["graphql"],
  summary: "Stop an operation on a reserved event stream",
  parameters: [textParameter("operationId", "Id of the operation.")],
  responses: { "200": text("The operation is stopped.") },
};

/** Paths of the GraphQL route. */
export const GRAPHQL_PATHS: Paths = {
  "/graphql": { get: GRAPHQL_GET, post: GRAPHQL_POST, put: GRAPHQL_RESERVE, delete: GRAPHQL_STOP },
};
