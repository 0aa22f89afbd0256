/** Admission: the checks that every request passes on every transport, for hostile pages and for credentials. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { BrowserGuard } from "./browser-guard.ts";
import type { Forwarding } from "./forwarding.ts";
import type { Authenticator } from "./identity/authenticator.ts";
import { ANYONE, type Identity } from "./identity/authorize.ts";
import { credentialsOf } from "./identity/credentials.ts";
import { checkTicketRoute } from "./identity/ticket-scope.ts";

/** The client of one request or connection. */
export interface Visitor {
  /** Id of this request or connection, which appears in the log and is sent to the client. */
  readonly id: string;
  readonly address: string;
  readonly host: string | undefined;
  readonly isSecure: boolean;
  /** Changes when the client renews the token of a connection. */
  identity: Identity;
}

/** Response header with the visitor's id. Operators use it to find the client's log lines. */
export const CONNECTION_HEADER = "x-connection-id";

/** Admits or rejects requests. */
export interface Admission {
  /** Returns an id for a request whose visitor is not needed. */
  nextId(): string;
  /** Creates the visitor of a request: its id, and the client's address, host and scheme. */
  receive(request: IncomingMessage): Visitor;
  /** Rejects the requests of hostile pages. @throws GatewayError FORBIDDEN_HOST or FORBIDDEN_ORIGIN */
  check(visitor: Visitor, request: IncomingMessage): void;
  /**
   * Authenticates the request and stores the identity in the visitor. Synchronous if no key set or store is involved.
   *
   * @throws GatewayError UNAUTHENTICATED, or AUTH_UNAVAILABLE
   */
  identify(visitor: Visitor, request: IncomingMessage): void | Promise<void>;
}

/** Dependencies of admission. */
export interface AdmissionParts {
  readonly authenticator: Authenticator;
  readonly guard: BrowserGuard;
  readonly forwarding: Forwarding;
  /** Whether a route accepts a link key in its URL. @param url path and query of a request */
  readonly acceptsLinkKey: (url: string) => boolean;
}

/** Identity of a client before it has authenticated. */
const UNAUTHENTICATED: Identity = { name: "unauthenticated", grants: [] };

/** Creates the admission of a gateway. */
export function createAdmission({
  authenticator,
  guard,
  forwarding,
  acceptsLinkKey,
}: AdmissionParts): Admission {
  // Unique per process start, so an id needs no random bytes of its own.
  const run = `${randomBytes(5).toString("hex")}-`;
  const initial = authenticator.isOpen ? ANYONE : UNAUTHENTICATED;
  let count = 0;

  function nextId(): string {
    count++;
    return run + count.toString(36);
  }

  return {
    nextId,
    receive(request) {
      const { address, host, isSecure } = forwarding(request);
      return { id: nextId(), address, host, isSecure, identity: initial };
    },
    check({ host }, { headers }) {
      guard.check({
        origin: headers.origin,
        host,
        fetchSite: text(headers["sec-fetch-site"]),
        fetchMode: text(headers["sec-fetch-mode"]),
        referer: headers.referer,
      });
    },
    identify(visitor, request) {
      if (authenticator.isOpen) return;
      const { origin } = request.headers;
      const found = authenticator.identify(
        credentialsOf({
          headers: request.headers,
          search: searchOf(request.url),
          acceptsLinkKey: acceptsLinkKey(request.url ?? ""),
          isForeignPage: origin !== undefined && !guard.isOwnOrigin(origin, visitor.host),
        }),
      );
      if (!(found instanceof Promise)) {
        visitor.identity = found;
        return;
      }
      return found.then((identity) => {
        if (identity.scope !== undefined)
          checkTicketRoute(identity.scope, request.method ?? "GET", request.url ?? "/");
        visitor.identity = identity;
      });
    },
  };
}

const text = (header: string | string[] | undefined): string | undefined =>
  typeof header === "string" ? header : undefined;

function searchOf(url = ""): string {
  const at = url.indexOf("?");
  return at < 0 ? "" : url.slice(at);
}
