/** Logs out. */
import { pageUrl } from "../page/urls.ts";

/** Deletes the cookie, and opens what the gateway shows without it. The layout stays in the link. */
export async function logOut(): Promise<void> {
  await fetch(pageUrl("logout"), { method: "POST" });
  location.reload();
}
