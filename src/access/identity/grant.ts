/**
 * Grants: permissions of a key or token, each an action on the streams of a pattern, written `read:glasses:*`.
 * Patterns are those of `domain/streams/stream-pattern.ts`.
 */
import { matchesGlob, matchesPattern, problemOfPattern } from "../../domain/streams/stream-pattern.ts";

/**
 * Actions. `work` permits receiving and settling the entries of consumer groups, and `write` includes it. `write` does not
 * include `read`; `admin` includes all, and permits changing and deleting streams.
 */
export const ACTIONS = ["read", "work", "write", "admin"] as const;

/** One of `ACTIONS`. */
export type Action = (typeof ACTIONS)[number];

/** One action on the streams of a pattern. */
export interface Grant {
  readonly action: Action;
  readonly pattern: string;
}

/**
 * Parses a grant, `read:glasses:*`. An action alone (`admin`) applies to everything.
 *
 * @throws Error that describes the problem
 */
export function parseGrant(text: string): Grant {
  const at = text.indexOf(":");
  const name = at < 0 ? text : text.slice(0, at);
  const pattern = at < 0 ? "*" : text.slice(at + 1);
  const action = ACTIONS.find((one) => one === name);
  if (action === undefined) {
    // A pattern alone does not say what it permits.
    const hint = text.includes("*") ? ", such as read:* (reading everything) or admin (everything)" : "";
    throw new Error(
      `a permission must start with one of ${ACTIONS.join(", ")}${hint}, got "${text.slice(0, 60)}"`,
    );
  }
  const problem = problemOfPattern(pattern);
  if (problem !== undefined) throw new Error(`the pattern of a permission, such as glasses:*, ${problem}`);
  return { action, pattern };
}

/** Formats a grant for `parseGrant`. */
export const formatGrant = ({ action, pattern }: Grant): string => `${action}:${pattern}`;

/** Returns whether a grant allows an action on a stream key. */
export const allows = (grant: Grant, action: Action, key: string): boolean =>
  includes(grant.action, action) && matchesPattern(grant.pattern, key);

const includes = (granted: Action, action: Action): boolean =>
  granted === action || granted === "admin" || (granted === "write" && action === "work");

/** Returns whether a grant allows an action on the whole gateway (`/admin`, `flush`): only `*` covers that, not `*:*`. */
export const allowsGateway = (grant: Grant, action: Action): boolean =>
  grant.pattern === "*" && (grant.action === action || grant.action === "admin");

/** Returns whether a grant allows reading at least one stream of a device. */
export function covers({ action, pattern }: Grant, device: string): boolean {
  if (action === "write" || action === "work") return false;
  if (pattern === "*") return true;
  const colon = pattern.indexOf(":");
  return colon > 0 && device !== "" && matchesGlob(pattern.slice(0, colon), device);
}
