/** Identity and permissions of the user, who logs in at the gateway's page `/login`. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { isObject } from "../../client/gateway/graphql.ts";
import { allows, allowsGateway, type Grant, parseGrant } from "../../src/access/identity/grant.ts";
import { pageUrl } from "../page/urls.ts";

/** The user and the permissions. */
export interface Session {
  readonly identity: string;
  /** Permissions such as `read:rover:*`. */
  readonly permissions: readonly string[];
}

/** Identity of every client of a gateway without authentication. */
const ANYONE = "anyone";

/** Reads the session once. @returns undefined until it is known, or if it cannot be read */
export function readSession(): ReadonlySignal<Session | undefined> {
  const session = signal<Session | undefined>(undefined);
  fetch(pageUrl("session"))
    .then(async (response) => {
      if (response.ok) session.value = parseSession(await response.json());
    })
    // The controls stay, and report a missing permission.
    .catch(() => undefined);
  return session;
}

/** Reads a response; undefined if it has another form. */
export function parseSession(value: unknown): Session | undefined {
  if (!isObject(value)) return undefined;
  const { identity, permissions } = value;
  if (typeof identity !== "string" || !Array.isArray(permissions)) return undefined;
  return { identity, permissions: permissions.map(String) };
}

/** Whether the gateway authenticates its clients. */
export const isAuthenticated = (session: Session | undefined): boolean =>
  session !== undefined && session.identity !== ANYONE;

/** Whether the user may read or change a stream; true while the permissions are not known. */
export function may(session: Session | undefined, action: "read" | "write" | "admin", key: string): boolean {
  return session === undefined || grantsOf(session).some((grant) => allows(grant, action, key));
}

/** Whether the user may administer the whole gateway; false while the permissions are not known. */
export function mayAdminister(session: Session | undefined): boolean {
  return session !== undefined && grantsOf(session).some((grant) => allowsGateway(grant, "admin"));
}

const grantsOf = ({ permissions }: Session): readonly Grant[] =>
  permissions.map(grantOf).filter((grant) => grant !== undefined);

/** Parses a permission; undefined if this page does not know it. */
function grantOf(permission: string): Grant | undefined {
  try {
    return parseGrant(permission);
  } catch {
    return undefined;
  }
}
