/** Logs out. */
import { pageUrl } from "../page/urls.ts";

/** Deletes the cookie, and opens the gateway's page for users without it. The layout stays in the link. */
export async function logOut(): Promise<void> {
  await fetch(pageUrl("logout"), { method: "POST" });
  location.reload();
}
