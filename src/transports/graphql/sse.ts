/**
 * GraphQL over server-sent events, each operation on a connection of its own ("distinct connections mode"): `next`
 * with a result each, then `complete`. A client that does not read is not written to, so nothing is read for it.
 *
 * @see https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverSSE.md
 */

import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type ExecutionResult, GraphQLError } from "graphql";
import type { ErrorCode } from "../../domain/errors.ts";
import { encodeSse, SSE_HEARTBEAT } from "../../wire/sse.ts";
import { whenGone } from "../http/context.ts";
import { graphqlError } from "./errors.ts";
import { type Executor, formatted, isMany, type Outcome, perform } from "./executor.ts";
import type { GraphqlRequest } from "./prepare.ts";

/** Whether a request asks for events. */
export const wantsSse = ({ headers }: FastifyRequest): boolean =>
  headers.accept?.toLowerCase().includes("text/event-stream") === true;

/** Answers one operation as events. Whatever is wrong with it is told as a result with errors, as the protocol has it. */
export async function answerBySse(
  request: FastifyRequest,
  reply: FastifyReply,
  body: string,
  executor: Executor,
): Promise<FastifyReply> {
  const { formatError, parts } = executor;
  const { raw } = reply;
  reply.hijack();
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  raw.flushHeaders();
  const beating = setInterval(() => {
    if (!raw.writableNeedDrain) raw.write(SSE_HEARTBEAT);
  }, parts.limits.heartbeatMs);
  let outcome: Outcome | undefined;
  let isGone = false;
  const release = whenGone(reply, parts.closing, () => {
    isGone = true;
    if (outcome !== undefined && isMany(outcome)) outcome.return();
  });

  const send = (result: ExecutionResult) =>
    written(
      raw,
      encodeSse({ event: "next", data: JSON.stringify(formatted(result, formatError)) }),
      (bytes) => {
        parts.tally.bytesOut += bytes;
      },
    );

  try {
    outcome = await outcomeOf(request, body, executor);
    if (!isMany(outcome)) await send(outcome);
    else if (isGone) await outcome.return();
    else for await (const result of outcome) await send(result);
  } catch (error) {
    await send({ errors: [new GraphQLError("the subscription ended", { originalError: error as Error })] });
  } finally {
    clearInterval(beating);
    release();
    raw.end(encodeSse({ event: "complete", data: "" }));
  }
  return reply;
}

async function outcomeOf(
  request: FastifyRequest,
  body: string,
  { prepare, run }: Executor,
): Promise<Outcome> {
  const asked = readRequest(request, body);
  if (asked instanceof GraphQLError) return { errors: [asked] };
  const prepared = prepare(asked);
  if (request.method === "GET" && "operation" in prepared && prepared.operation === "mutation")
    return { errors: [refused("METHOD_NOT_ALLOWED", "a mutation is sent by POST")] };
  return perform(prepared, run);
}

const refused = (code: ErrorCode, message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code } });

function readRequest({ method, headers, raw }: FastifyRequest, body: string): GraphqlRequest | GraphQLError {
  try {
    if (method === "GET") {
      const { searchParams } = new URL(raw.url ?? "/", "http://gateway");
      const variables = searchParams.get("variables");
      return {
        query: searchParams.get("query"),
        operationName: searchParams.get("operationName"),
        variables: variables ? JSON.parse(variables) : undefined,
      };
    }
    // A form of another site could send any other type without being asked first.
    if (!/^application\/json\s*(;|$)/i.test(headers["content-type"] ?? ""))
      return refused("UNSUPPORTED_MEDIA_TYPE", "a GraphQL request is application/json");
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null)
      return graphqlError("BAD_REQUEST", "the body is no object");
    return value;
  } catch {
    return graphqlError("BAD_REQUEST", "the request is no JSON");
  }
}

/** Writes, and resolves when the client can take more or is gone. */
function written(raw: ServerResponse, text: string, onBytes: (bytes: number) => void): Promise<void> {
  onBytes(Buffer.byteLength(text));
  if (raw.destroyed || raw.write(text)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      raw.off("drain", done);
      raw.off("close", done);
      resolve();
    };
    raw.on("drain", done);
    raw.on("close", done);
  });
}
