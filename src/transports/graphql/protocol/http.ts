/** Route `/graphql` over HTTP: queries, mutations, subscriptions as server-sent events, and the playground. */
import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { GraphQLError } from "graphql";
import { createHandler, type Handler, type RequestHeaders, type Response } from "graphql-http";
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import type { ErrorCode } from "../../../domain/errors.ts";
import { checkJsonBounds } from "../../../wire/json/json-text.ts";
import { markNumbers } from "../../request/exact-numbers.ts";
import { acceptsPage } from "../../request/media-types.ts";
import { joinOwnPieces } from "../../response/memory/joined-pieces.ts";
import { keepMemory, queueMemory } from "../../response/memory/response-memory.ts";
import { whenAnswerEnds } from "../../response/response-end.ts";
import { graphqlError } from "../execution/errors.ts";
import { type Executor, formatted } from "../execution/executor.ts";
import { encodeResult } from "../execution/result-text.ts";
import { addPlayground, sendPlayground } from "./playground.ts";
import { answerBySse, wantsSse } from "./sse.ts";
import type { SseStreams } from "./sse-streams.ts";

const JSON_TYPE = "application/json; charset=utf-8";
const RESPONSE_TYPE = "application/graphql-response+json; charset=utf-8";

/** Errors for the statuses that `graphql-http` answers without a body. */
const REJECTIONS: Readonly<Record<number, readonly [code: ErrorCode | "NOT_ACCEPTABLE", message: string]>> = {
  405: ["METHOD_NOT_ALLOWED", "GET is only allowed for queries; send mutations with POST"],
  406: [
    "NOT_ACCEPTABLE",
    "Accept must include application/graphql-response+json, application/json or text/event-stream",
  ],
  415: ["UNSUPPORTED_MEDIA_TYPE", "Content-Type of a GraphQL request must be application/json"],
};

/** Returns the function that adds the routes. @param streams event streams in single connection mode */
export const graphqlRoutes =
  (executor: Executor, streams: SseStreams) =>
  (app: FastifyInstance): Promise<void> =>
    addGraphql(app, executor, streams);

/** Resources of an answer while it is computed. */
interface HeldAnswer {
  readonly response: ServerResponse;
  /** Memory of the operation. */
  lease?: MemoryLease;
  /** A large result, which `graphql-http` would only accept as text. */
  largeResult?: Buffer;
}

type GraphqlHandler = Handler<FastifyRequest, HeldAnswer>;

async function addGraphql(app: FastifyInstance, executor: Executor, streams: SseStreams): Promise<void> {
  const { config } = executor.parts;
  const handle = createGraphqlHandler(executor);

  async function answer(request: FastifyRequest, reply: FastifyReply) {
    const token = streams.tokenOf(request);
    if (wantsSse(request))
      return token === undefined ? answerBySse(request, reply, executor) : streams.open(token, reply);
    if (token === undefined) return answerOnce(request, reply, handle, executor);
    const errors = await streams.start(token, request);
    return reply.code(errors === undefined ? 202 : 400).send(errors && JSON.stringify({ errors }));
  }

  app.get("/graphql", (request, reply) =>
    isPage(request) ? sendPlayground(reply, config.pathPrefix) : answer(request, reply),
  );
  app.post("/graphql", answer);
  app.put("/graphql", (request, reply) =>
    reply.code(201).type("text/plain; charset=utf-8").send(streams.reserve(request)),
  );
  app.delete("/graphql", async (request, reply) => {
    await streams.stop(streams.tokenOf(request) ?? "", request);
    return reply.code(200).send("");
  });
  await addPlayground(app);
}

/** Creates the handler of queries and mutations. */
function createGraphqlHandler({ prepare, formatError, run, parts }: Executor): GraphqlHandler {
  const workSlices = parts.access.turns.slices;
  return createHandler<FastifyRequest, HeldAnswer>({
    onSubscribe({ method, raw, context: held }, params) {
      const prepared = prepare(params, raw.visitor, undefined);
      if ("errors" in prepared) return prepared.errors;
      const { args, operation, lease } = prepared;
      held.lease = lease;
      queueMemory(held.response, lease);
      if (operation === "mutation" && method === "GET") return rejection(405);
      if (operation === "subscription")
        return [
          graphqlError("BAD_USER_INPUT", "a subscription requires a WebSocket or Accept: text/event-stream"),
        ];
      return args as typeof args & { contextValue: undefined };
    },
    execute: run,
    // Serialized here, because the default of `graphql-http` visits every value of a large answer again.
    async onOperation({ headers, raw, context: held }, _args, result) {
      const encoded = await encodeResult(formatted(result, formatError, raw.visitor), workSlices);
      const isText = typeof encoded === "string";
      if (!isText) {
        const whole = await workSlices.run(joinOwnPieces(encoded));
        held.lease?.set(whole.length);
        held.largeResult = whole;
      }
      return [
        isText ? encoded : "",
        { status: 200, statusText: "OK", headers: { "content-type": resultType(headers) } },
      ];
    },
    formatError: (error) =>
      error instanceof GraphQLError ? formatError(error) : graphqlError("BAD_REQUEST", error.message),
  });
}

/** Answers a query or a mutation. */
async function answerOnce(
  request: FastifyRequest,
  reply: FastifyReply,
  handle: GraphqlHandler,
  { parts }: Executor,
) {
  const body = Buffer.isBuffer(request.body) ? request.body.toString() : "";
  checkRequestJson(request, body);
  const held: HeldAnswer = { response: reply.raw };
  const release = () => held.lease?.release();
  // Ends the operation early if the client disconnects.
  whenAnswerEnds(reply.raw, release);
  const [text, { status, headers }] = await handle({
    method: request.method,
    url: request.raw.url ?? "/",
    headers: request.headers,
    body: markNumbers(body),
    raw: request,
    context: held,
  }).catch((error: unknown) => {
    release();
    throw error;
  });
  if (held.lease !== undefined) keepMemory(reply, held.lease);
  if (status >= 400 && status < 500) parts.observe.counters.clientErrors++;
  const [own, init] = text === null && status in REJECTIONS ? rejection(status) : [text, { headers }];
  return reply
    .code(status)
    .headers({ "content-type": JSON_TYPE, "cache-control": "no-store", ...headers, ...init.headers })
    .send(held.largeResult ?? own ?? "");
}

/** Checks the JSON of a POST body or of GET parameters before it is parsed. @throws GatewayError TOO_LARGE */
function checkRequestJson({ method, raw }: FastifyRequest, body: string): void {
  if (method !== "GET") {
    checkJsonBounds(body, "the GraphQL request");
    return;
  }
  const { searchParams } = new URL(raw.url ?? "/", "http://gateway");
  for (const name of ["variables", "extensions"]) checkJsonBounds(searchParams.get(name) ?? "", name);
}

/** Returns the media type of a result. `graphql-http` has already checked that the client accepts one of the two. */
function resultType(headers: RequestHeaders): string {
  const accept = "accept" in headers ? String(headers.accept) : "";
  const [first] = accept.match(/application\/graphql-response\+json|application\/(json|\*)|\*\/\*/i) ?? [];
  return first?.toLowerCase() === "application/graphql-response+json" ? RESPONSE_TYPE : JSON_TYPE;
}

/** Whether a browser opens the page, as opposed to a client that sends a query. */
function isPage({ headers, raw }: FastifyRequest): boolean {
  const isQuery = new URL(raw.url ?? "/", "http://gateway").searchParams.has("query");
  return !isQuery && acceptsPage(headers.accept);
}

function rejection(status: number): Response {
  const [code, message] = REJECTIONS[status] ?? ["INTERNAL", "the request was rejected"];
  const error = new GraphQLError(message, { extensions: { code } });
  return [
    JSON.stringify({ errors: [error] }),
    {
      status,
      statusText: "",
      headers: { "content-type": JSON_TYPE, ...(status === 405 && { allow: "POST" }) },
    },
  ];
}
