/** Reason for which a pane has no stream. A link may open streams that its reader may not read. */
import { may, type Session } from "../shell/session.ts";

/** Returns the reason. @param session undefined until it is known */
export function absenceText(session: Session | undefined, key: string): string {
  if (session === undefined) return `${key} does not exist, or you may not read it.`;
  if (!may(session, "read", key))
    return `You are logged in as ${session.identity}, which may not read ${key}. Close this pane, or log in as another user.`;
  return `${key} does not exist. It opens here when its first entry is stored.`;
}
