/**
 * Repeated responses: complete responses to clients that poll with the same request, sent before the request is parsed.
 *
 * The key is the whole head of the request and the client's address, so credentials, `Accept`, `Origin` and forwarded
 * addresses are part of it, and every check that depends on the head alone has the same outcome. Everything else that can
 * change is checked on each use: the cached entries, the credentials, and shutdown. Rate limits and traces need each request,
 * so with them nothing is kept. A response is kept when a request is answered from the poll cache.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { CONNECTION_HEADER } from "../../../access/admission.ts";
import type { Access, Observe, Streams } from "../../parts.ts";
import { WARNINGS_HEADER } from "../../request/warnings.ts";
import { sendAtTurnEnd } from "../route.ts";

declare module "fastify" {
  interface FastifyReply {
    /** Set by a route whose response may be kept; undefined otherwise. */
    repeatable: Repeatable | undefined;
  }
}

/** Response that stays valid as long as its entries do. */
export interface Repeatable {
  /** Whether the route would send the same entries now. */
  isCurrent(): boolean;
  /** Counts the entries that the response sends. */
  count(): void;
}

interface KeptResponse extends Repeatable {
  /** Names and values in turn, without `x-connection-id`. */
  readonly headers: readonly string[];
  readonly body: Uint8Array | string;
  readonly isGood: () => boolean;
}

/** Dependencies. */
export interface RepeatedResponsesParts {
  readonly streams: Pick<Streams, "turnEnd">;
  readonly access: Pick<Access, "admission" | "authenticator" | "closing" | "limits">;
  readonly observe: Pick<Observe, "tracing" | "counters">;
}

/** Larger bodies are not kept. The memory budget counts unread responses from this size on (`response-memory.ts`). */
const MAX_BODY_BYTES = 8 * 1024 - 1;
/** Requests with a longer head (characters) or more header lines are not kept, so that a lookup stays cheap. */
const MAX_HEAD_LENGTH = 2048;
const MAX_HEADER_LINES = 40;
/** Approximate memory of all kept responses, in bytes. All are dropped above it; most are out of date long before. */
const MAX_KEPT_BYTES = 2 * 1024 * 1024;
/** Approximate memory of a response besides its head and body, in bytes. */
const RESPONSE_COST_BYTES = 1024;

/** Kept responses of one server. */
export class RepeatedResponses {
  readonly #parts: RepeatedResponsesParts;
  readonly #isUsed: boolean;
  readonly #kept = new Map<string, KeptResponse>();

  /** Creates an empty store. */
  constructor(parts: RepeatedResponsesParts) {
    this.#parts = parts;
    this.#isUsed = !parts.access.limits.hasRates && parts.observe.tracing === undefined;
  }

  /** Wraps the handler of the server: a request with a kept response does not reach it. */
  before(handler: RequestListener): RequestListener {
    if (!this.#isUsed) return handler;
    return (request, response) => {
      if (this.#kept.size === 0 || !this.#answer(request, response)) handler(request, response);
    };
  }

  /** Adds the hook that keeps responses. To be called after the other hooks that see the payload. */
  add(app: FastifyInstance): void {
    app.decorateReply("repeatable");
    if (!this.#isUsed) return;
    app.addHook("onSend", (request, reply, payload, done) => {
      if (reply.repeatable !== undefined) this.#keep(request, reply, reply.repeatable, payload);
      done();
    });
  }

  /** @returns false if no kept response is valid */
  #answer(request: IncomingMessage, response: ServerResponse): boolean {
    const key = keyOf(request);
    const kept = key === undefined ? undefined : this.#kept.get(key);
    // A pipelined response has no socket yet.
    if (kept === undefined || response.socket === null || this.#parts.access.closing.isClosing())
      return false;
    if (!kept.isCurrent() || !kept.isGood()) return false;
    kept.count();
    this.#parts.observe.counters.answersRepeated++;
    sendAtTurnEnd(response, this.#parts.streams.turnEnd);
    response.writeHead(200, [...kept.headers, CONNECTION_HEADER, this.#parts.access.admission.nextId()]);
    response.end(kept.body);
    return true;
  }

  #keep({ raw, visitor }: FastifyRequest, reply: FastifyReply, repeatable: Repeatable, body: unknown): void {
    const { authenticator } = this.#parts.access;
    const { identity } = visitor;
    if (!(typeof body === "string" || body instanceof Uint8Array) || reply.statusCode !== 200) return;
    // Each warning is logged, and a ticket has conditions of its own.
    if (reply.hasHeader(WARNINGS_HEADER) || identity.scope !== undefined) return;
    const bodyBytes = Buffer.byteLength(body);
    const key = keyOf(raw);
    if (key === undefined || bodyBytes > MAX_BODY_BYTES) return;
    this.#account(key, bodyBytes);
    this.#kept.set(key, {
      headers: [...headersOf(reply), "content-length", String(bodyBytes)],
      body,
      isGood: authenticator.isOpen ? () => true : () => authenticator.isGood(identity),
      ...repeatable,
    });
  }

  /** Accounts for a response that is about to be kept. */
  #account(key: string, bodyBytes: number): void {
    if (this.#kept.has(key)) return;
    const { counters } = this.#parts.observe;
    const bytes = key.length + bodyBytes + RESPONSE_COST_BYTES;
    if (counters.answersKeptBytes + bytes > MAX_KEPT_BYTES) {
      this.#kept.clear();
      counters.answersKeptBytes = 0;
    }
    counters.answersKeptBytes += bytes;
  }
}

/** Returns the key of a GET request; undefined if its response is not kept. */
function keyOf(request: IncomingMessage & { readonly originalUrl?: string }): string | undefined {
  const { method, rawHeaders, originalUrl, url = "/", socket } = request;
  if (method !== "GET" || rawHeaders.length > 2 * MAX_HEADER_LINES) return undefined;
  // Fastify replaces `url` by the one without the path prefix.
  const key = `${originalUrl ?? url}\n${socket.remoteAddress}\n${rawHeaders.join("\n")}`;
  return key.length > MAX_HEAD_LENGTH ? undefined : key;
}

/** Names and values of the headers that were set, in turn. */
function headersOf(reply: FastifyReply): string[] {
  const headers: string[] = [];
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value === undefined || name === CONNECTION_HEADER || name === "content-length") continue;
    for (const line of Array.isArray(value) ? value : [value]) headers.push(name, String(line));
  }
  return headers;
}
