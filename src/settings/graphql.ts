/** Limits of GraphQL requests. */
import { bytes, whole } from "./parsers.ts";
import { row } from "./row.ts";

/** Limits of GraphQL requests. */
export const GRAPHQL = {
  graphqlMaxBytes: row(
    "GRAPHQL_MAX_BYTES",
    bytes(1024),
    "1m",
    "bytes",
    "Maximum size of a GraphQL request, variables included",
  ),
  graphqlMaxTokens: row(
    "GRAPHQL_MAX_TOKENS",
    whole(10, 1_000_000),
    "2000",
    "",
    "Maximum number of tokens in a GraphQL document",
  ),
  graphqlMaxDepth: row(
    "GRAPHQL_MAX_DEPTH",
    whole(1, 1000),
    "20",
    "",
    "Maximum nesting depth of fields in a GraphQL operation",
  ),
  graphqlMaxAliases: row(
    "GRAPHQL_MAX_ALIASES",
    whole(0, 100_000),
    "100",
    "",
    "Maximum number of aliases in a GraphQL operation, fragments expanded",
  ),
  graphqlMaxOperations: row(
    "GRAPHQL_MAX_OPERATIONS",
    whole(1, 100_000),
    "100",
    "",
    "Maximum number of concurrent GraphQL operations on one WebSocket, subscriptions included",
  ),
  graphqlMaxFields: row(
    "GRAPHQL_MAX_FIELDS",
    whole(1000, 1_000_000_000),
    "1000000",
    "",
    "Maximum number of fields that a GraphQL operation resolves, aliases and list items included",
  ),
  graphqlMaxAnswerBytes: row(
    "GRAPHQL_MAX_ANSWER_BYTES",
    bytes(1024),
    "8m",
    "bytes",
    "Maximum payload bytes of one GraphQL operation; beyond it, payloads are null with the error TOO_LARGE, and lists have fewer entries",
  ),
  graphqlMaxPayloadBytes: row(
    "GRAPHQL_MAX_PAYLOAD_BYTES",
    bytes(1024),
    "8m",
    "bytes",
    "Maximum payload size in a field of a GraphQL response; a larger payload is null, with an error",
  ),
} as const;
