/** What every request passes, by whichever door it comes: is a hostile page behind it, and who is it? */
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { BrowserGuard } from "./browser-guard.ts";
import type { Forwarding } from "./forwarding.ts";
import type { Authenticator } from "./identity/authenticator.ts";
import { ANYONE, type Identity } from "./identity/authorize.ts";
import { credentialsOf } from "./identity/credentials.ts";
import { checkTicketRoute } from "./identity/ticket-scope.ts";

/** Somebody at a door. */
export interface Visitor {
  /** Names this request or connection, in the log and to the client. */
  readonly id: string;
  readonly address: string;
  readonly host: string | undefined;
  readonly isSecure: boolean;
  /** Changes when a connection shows a fresh token. */
  identity: Identity;
}

/** The header that tells a client its id, so that it can tell an operator which line of the log is about it. */
export const CONNECTION_HEADER = "x-connection-id";

/** Lets requests in, or not. */
export interface Admission {
  /** Notes that a request has come, and from where. */
  receive(request: IncomingMessage): Visitor;
  /** Whether it is no hostile page's. @throws GatewayError FORBIDDEN_HOST or FORBIDDEN_ORIGIN */
  check(visitor: Visitor, request: IncomingMessage): void;
  /**
   * Finds out who it is and notes that in the visitor. At once where nothing has to be asked for it.
   *
   * @throws GatewayError UNAUTHENTICATED, or AUTH_UNAVAILABLE
   */
  identify(visitor: Visitor, request: IncomingMessage): void | Promise<void>;
}

/** What deciding takes. */
export interface AdmissionParts {
  readonly authenticator: Authenticator;
  readonly guard: BrowserGuard;
  readonly forwarding: Forwarding;
}

/** Somebody who has not shown anything yet. */
const NOBODY: Identity = { name: "nobody", grants: [] };

/** Makes the admission of a gateway. */
export function createAdmission({ authenticator, guard, forwarding }: AdmissionParts): Admission {
  // Unlike those of another gateway or run, and costing no randomness for each.
  const run = randomBytes(5).toString("hex");
  const initial = authenticator.isOpen ? ANYONE : NOBODY;
  let count = 0;

  return {
    receive(request) {
      const { address, host, isSecure } = forwarding(request);
      count++;
      return { id: `${run}-${count.toString(36)}`, address, host, isSecure, identity: initial };
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
