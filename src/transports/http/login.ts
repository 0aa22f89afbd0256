/**
 * The ways in for pages: `POST /login` turns a key or token into a cookie that no script can read, `POST /tickets` makes
 * what may stand in the address of an `<img>` or `EventSource`.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Authenticator } from "../../access/authenticator.ts";
import { COOKIE } from "../../access/credentials.ts";
import type { Tickets } from "../../access/tickets.ts";
import { GatewayError } from "../../domain/errors.ts";
import { mediaTypeOf } from "../media-types.ts";
import { ALSO_HEAD, PUBLIC } from "./context.ts";
import { loginPage } from "./pages.ts";
import { sendPage } from "./security-headers.ts";

/** What logging in takes. */
export interface LoginParts {
  readonly authenticator: Authenticator;
  readonly tickets: Tickets;
  readonly pathPrefix: string;
}

/** Adds the routes. */
export function addLogin(app: FastifyInstance, { authenticator, tickets, pathPrefix }: LoginParts): void {
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
      const expires = expiresAtMs === undefined ? null : new Date(expiresAtMs).toISOString();
      return reply.send({ identity: name, expires });
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

  app.post("/tickets", async (request, reply: FastifyReply) => {
    const ticket = await tickets.issue(request.visitor.identity);
    return reply.header("cache-control", "no-store").send({ ticket, expires_in: tickets.ttlMs / 1000 });
  });
}

/** RFC 6265bis: for this host alone, not for scripts, and not sent along when another site asks. */
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
  /** Where the browser goes then: a path of this gateway. */
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
  let value: unknown;
  try {
    value = JSON.parse(textOf(request));
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null && "token" in value && typeof value.token === "string")
    return { token: value.token, next: "/" };
  throw new GatewayError("BAD_BODY", 'a login wants {"token": "…"}');
}

/** Where a browser that was asked to log in wanted to go. */
function pathAfter(request: FastifyRequest): string {
  const url = request.raw.url ?? "/";
  return ownPath(new URLSearchParams(url.slice(url.indexOf("?") + 1)).get("next"));
}

/** A path here; whoever writes another site there sends nobody to it. */
const ownPath = (path: string | null): string =>
  path !== null && /^\/(?![/\\])[^\\]*$/.test(path) ? path : "/";
