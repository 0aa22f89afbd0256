/** `/graphql` over HTTP: queries and mutations, subscriptions as server-sent events, and the playground for browsers. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { GraphQLError } from "graphql";
import { createHandler, type RequestHeaders, type Response } from "graphql-http";
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import type { ErrorCode } from "../../../domain/errors.ts";
import { checkJsonBounds } from "../../../wire/json-text.ts";
import { acceptsPage } from "../../request/media-types.ts";
import { whenAnswerEnds } from "../../response/answer-end.ts";
import type { OperationContext } from "../execution/context.ts";
import { graphqlError } from "../execution/errors.ts";
import { markNumbers } from "../execution/exact-numbers.ts";
import { type Executor, formatted } from "../execution/executor.ts";
import { resultText } from "../execution/result-text.ts";
import { addPlayground, sendPlayground } from "./playground.ts";
import { answerBySse, wantsSse } from "./sse.ts";
import type { SseStreams } from "./sse-streams.ts";

const JSON_TYPE = "application/json; charset=utf-8";
const RESPONSE_TYPE = "application/graphql-response+json; charset=utf-8";

/** Characters from which an answer is sent as bytes. */
const LARGE_TEXT = 64 * 1024;

/** What a refusal of the protocol, which has no body of its own, is told as. */
const REFUSALS: Readonly<Record<number, readonly [code: ErrorCode | "NOT_ACCEPTABLE", message: string]>> = {
  405: ["METHOD_NOT_ALLOWED", "a GET is for queries alone; send mutations by POST"],
  406: [
    "NOT_ACCEPTABLE",
    "Accept wants application/graphql-response+json, application/json or text/event-stream",
  ],
  415: ["UNSUPPORTED_MEDIA_TYPE", "a GraphQL request is application/json"],
};

/** Adds the routes. @param streams those of clients that have all operations on one connection */
export async function addGraphql(
  app: FastifyInstance,
  executor: Executor,
  streams: SseStreams,
): Promise<void> {
  const { prepare, formatError, run, parts } = executor;
  /** Memory of operations, by their requests. */
  const operations = new WeakMap<FastifyRequest, MemoryLease>();
  const handle = createHandler<FastifyRequest>({
    onSubscribe({ method, raw }, params) {
      const prepared = prepare(params, raw.visitor, undefined);
      if ("errors" in prepared) return prepared.errors;
      const { args, operation, lease } = prepared;
      operations.set(raw, lease);
      if (operation === "mutation" && method === "GET") return refusal(405);
      if (operation === "subscription")
        return [
          graphqlError("BAD_USER_INPUT", "a subscription wants a WebSocket, or Accept: text/event-stream"),
        ];
      return args as typeof args & { contextValue: undefined };
    },
    execute: run,
    // Written here: the handler's own way goes through every value of a large answer once more.
    async onOperation({ headers, raw }, args, result) {
      const text = await resultText(formatted(result, formatError, raw.visitor), isLarge(args));
      // The text, and the bytes that it is sent as.
      operations.get(raw)?.set(2 * text.length);
      return [text, { status: 200, statusText: "OK", headers: { "content-type": resultType(headers) } }];
    },
    formatError: (error) =>
      error instanceof GraphQLError ? formatError(error) : graphqlError("BAD_REQUEST", error.message),
  });

  async function answer(request: FastifyRequest, reply: FastifyReply) {
    const token = streams.tokenOf(request);
    if (wantsSse(request))
      return token === undefined ? answerBySse(request, reply, executor) : streams.open(token, reply);
    if (token !== undefined) {
      const errors = await streams.start(token, request);
      return reply.code(errors === undefined ? 202 : 400).send(errors && JSON.stringify({ errors }));
    }
    const body = Buffer.isBuffer(request.body) ? request.body.toString() : "";
    checkRequestJson(request, body);
    const release = () => operations.get(request)?.release();
    // Ends what a client that has left still waits for.
    whenAnswerEnds(reply.raw, release);
    const [text, { status, headers }] = await handle({
      method: request.method,
      url: request.raw.url ?? "/",
      headers: request.headers,
      body: markNumbers(body),
      raw: request,
      context: undefined,
    }).finally(release);
    if (status >= 400 && status < 500) parts.counters.clientErrors++;
    const [own, init] = text === null && status in REFUSALS ? refusal(status) : [text, { headers }];
    return reply
      .code(status)
      .headers({ "content-type": JSON_TYPE, "cache-control": "no-store", ...headers, ...init.headers })
      .send(sendable(own ?? ""));
  }

  app.get("/graphql", (request, reply) =>
    isPage(request) ? sendPlayground(reply, parts.pathPrefix) : answer(request, reply),
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

const isLarge = ({ contextValue }: { readonly contextValue?: unknown }): boolean =>
  (contextValue as OperationContext | undefined)?.work.isLarge() === true;

/** Bounds the JSON that the handler parses: the body of a POST, the parameters of a GET. @throws GatewayError TOO_LARGE */
function checkRequestJson({ method, raw }: FastifyRequest, body: string): void {
  if (method !== "GET") {
    checkJsonBounds(body, "the GraphQL request");
    return;
  }
  const { searchParams } = new URL(raw.url ?? "/", "http://gateway");
  for (const name of ["variables", "extensions"]) checkJsonBounds(searchParams.get(name) ?? "", name);
}

/** The type of a result: the handler has seen that the client takes one of them. */
function resultType(headers: RequestHeaders): string {
  const accept = "accept" in headers ? String(headers.accept) : "";
  const [first] = accept.match(/application\/graphql-response\+json|application\/(json|\*)|\*\/\*/i) ?? [];
  return first?.toLowerCase() === "application/graphql-response+json" ? RESPONSE_TYPE : JSON_TYPE;
}

/** Whether a browser opens the address, and no program asks a question. */
function isPage({ headers, raw }: FastifyRequest): boolean {
  const isQuery = new URL(raw.url ?? "/", "http://gateway").searchParams.has("query");
  return !isQuery && acceptsPage(headers.accept);
}

/** A large answer as bytes, so that its text is not kept until the client has read it. */
const sendable = (text: string): string | Buffer => (text.length < LARGE_TEXT ? text : Buffer.from(text));

function refusal(status: number): Response {
  const [code, message] = REFUSALS[status] ?? ["INTERNAL", "the request was refused"];
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
