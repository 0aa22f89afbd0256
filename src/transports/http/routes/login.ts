/**
 * Login routes for pages. `POST /login` exchanges a key or token for an HTTP-only cookie. `GET /session` returns the identity
 * and its permissions. `POST /tickets` issues a one-time ticket for URLs, for example of an `<img>` or `EventSource`.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Identity } from "../../../access/identity/authorize.ts";
import { COOKIE } from "../../../access/identity/credentials.ts";
import { formatGrant } from "../../../access/identity/grant.ts";
import { type TicketScope, ticketScope } from "../../../access/identity/ticket-scope.ts";
import { badParameter, GatewayError } from "../../../domain/errors.ts";
import { shown } from "../../../domain/shown.ts";
import { namingOf } from "../../../domain/streams/stream-name.ts";
import { mediaTypeOf } from "../../request/media-types.ts";
import type { RequestLimits } from "../../request/streams.ts";
import { sendPage } from "../../response/security-headers.ts";
import { loginPage } from "../responses/pages.ts";
import { ALSO_HEAD, PUBLIC, type RouteParts } from "../route.ts";

/** Adds the routes. */
export function addLogin(app: FastifyInstance, { access, config }: RouteParts): void {
  const { authenticator, tickets } = access;
  const { pathPrefix } = config;
  app.get("/login", { ...PUBLIC, ...ALSO_HEAD }, (request, reply) =>
    sendPage(reply, loginPage(pathPrefix, pathAfter(request), "")),
  );

  app.post("/login", PUBLIC, async (request, reply) => {
    const isForm = isUrlEncoded(request);
    const { token, next } = isForm ? readForm(request) : readJson(request);
    try {
      const { name, expiresAtMs } = await authenticator.identify({ kind: "token", token });
      reply
        .header("set-cookie", cookie(request, pathPrefix, token, expiresAtMs))
        .header("cache-control", "no-store");
      if (isForm) return reply.redirect(pathPrefix + next, 303);
      return reply.send({ identity: name, expires: expiryText(expiresAtMs) });
    } catch (error) {
      if (!isForm || !(error instanceof GatewayError)) throw error;
      return sendPage(reply.code(error.kind.status), loginPage(pathPrefix, next, error.message));
    }
  });

  app.post("/logout", PUBLIC, (request, reply) =>
    reply
      .header("set-cookie", cookie(request, pathPrefix, "", 0))
      .code(204)
      .send(),
  );

  app.get("/session", ({ visitor }, reply) =>
    reply.header("cache-control", "no-store").send(sessionOf(visitor.identity)),
  );

  app.post("/tickets", async (request, reply: FastifyReply) => {
    const ticket = await tickets.issue(request.visitor.identity, scopeOf(request, config));
    return reply.header("cache-control", "no-store").send({ ticket, expires_in: tickets.ttlMs / 1000 });
  });
}

/** Describes an identity. A ticket for some streams has permissions only for those. */
const sessionOf = ({ name, grants, scope, expiresAtMs }: Identity) => ({
  identity: name,
  permissions:
    scope === undefined ? grants.map(formatGrant) : scope.keys.map((key) => `${scope.action}:${key}`),
  expires: expiryText(expiresAtMs),
});

const expiryText = (expiresAtMs: number | undefined): string | null =>
  expiresAtMs === undefined ? null : new Date(expiresAtMs).toISOString();

/** Members of the body of a ticket request. */
const SCOPE_MEMBERS: readonly string[] = ["route", "stream", "streams", "device", "prefix"];

/**
 * Parses the scope of a requested ticket: `{"route": "mjpeg", "stream": "cam", "device": "default", "prefix": ""}`, or
 * `streams` with a list. Without `device` the default device applies; with an empty one, stream ids are whole Redis keys, as
 * with `device_id=`. Without a body, or with `{}`, the ticket has all permissions of its key.
 *
 * @throws GatewayError BAD_BODY, or BAD_PARAMETER for an invalid field
 */
function scopeOf(request: FastifyRequest, config: RequestLimits): TicketScope | undefined {
  const text = textOf(request);
  if (text.trim() === "") return undefined;
  const value = objectOf(text);
  if (value === undefined)
    throw new GatewayError(
      "BAD_BODY",
      'the body must be a JSON object such as {"route": "pull", "stream": "cam"}',
    );
  const members = Object.keys(value);
  if (members.length === 0) return undefined;
  // A ticket with a misspelt limit would have all permissions.
  const unknown = members.find((name) => !SCOPE_MEMBERS.includes(name));
  if (unknown !== undefined)
    throw badParameter(unknown.slice(0, 40), `is not a member; the body has ${SCOPE_MEMBERS.join(", ")}`);
  const { route, stream, streams = stream === undefined ? [] : [stream], device, prefix = "" } = value;
  if (!Array.isArray(streams) || !streams.every((one) => typeof one === "string" && one !== ""))
    throw badParameter(
      "stream",
      `must be a stream name, or streams must be a list of stream names, got ${shown(stream ?? streams)}`,
    );
  if (device !== undefined && typeof device !== "string")
    throw badParameter("device", `must be a string, got ${shown(device)}`);
  if (typeof prefix !== "string") throw badParameter("prefix", `must be a string, got ${shown(prefix)}`);
  const names = { ids: stream === undefined ? "streams" : "stream", device: "device" };
  const { keyOf } = namingOf({ device, prefix, ...config, names });
  return ticketScope(route, streams.map(keyOf));
}

/** Returns the cookie (RFC 6265bis): only for this host, hidden from scripts, and not sent with cross-site requests. */
function cookie(
  { visitor }: FastifyRequest,
  pathPrefix: string,
  token: string,
  expiresAtMs: number | undefined,
): string {
  const life =
    expiresAtMs === undefined
      ? ""
      : `; Max-Age=${Math.max(0, Math.floor((expiresAtMs - Date.now()) / 1000))}`;
  return `${COOKIE}=${token}; Path=${pathPrefix || "/"}; HttpOnly; SameSite=Strict${visitor.isSecure ? "; Secure" : ""}${life}`;
}

interface Login {
  readonly token: string;
  /** Path of this gateway to redirect to. */
  readonly next: string;
}

const isUrlEncoded = (request: FastifyRequest): boolean =>
  mediaTypeOf(request.headers["content-type"]) === "application/x-www-form-urlencoded";

const textOf = ({ body }: FastifyRequest): string => (Buffer.isBuffer(body) ? body.toString() : "");

function readForm(request: FastifyRequest): Login {
  const form = new URLSearchParams(textOf(request));
  return { token: form.get("token")?.trim() ?? "", next: ownPath(form.get("next")) };
}

function readJson(request: FastifyRequest): Login {
  const token = objectOf(textOf(request))?.token;
  if (typeof token === "string") return { token, next: "/" };
  throw new GatewayError("BAD_BODY", 'the body must be a JSON object such as {"token": "…"}');
}

function objectOf(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the path that the browser requested before it was redirected to the login page. */
function pathAfter(request: FastifyRequest): string {
  const url = request.raw.url ?? "/";
  return ownPath(new URLSearchParams(url.slice(url.indexOf("?") + 1)).get("next"));
}

/** Placeholder origin. A path that resolves to another origin is rejected. */
const HERE = "http://gateway.invalid";
const MAX_PATH_CHARACTERS = 2048;

/**
 * Returns the path if it is one of this gateway, or else `/`. A browser resolves `Location` by the URL standard, in which `/\\evil.example`,
 * `/<tab>/evil.example` and `/.//evil.example` are other sites. So the same parser decides here, and only its output, which
 * has no control characters, is used in the header.
 */
function ownPath(path: string | null): string {
  if (path === null || !path.startsWith("/") || path.length > MAX_PATH_CHARACTERS) return "/";
  const url = URL.canParse(path, HERE) ? new URL(path, HERE) : undefined;
  if (url === undefined || url.origin !== HERE || url.pathname.startsWith("//")) return "/";
  return url.pathname + url.search + url.hash;
}
