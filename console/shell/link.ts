/** Link of the open panes and the shown moment, and the title of the action that copies it. */
import type { Clock } from "../time/clock.ts";
import type { Layout } from "../workspace/layout.ts";
import { formatLayout } from "../workspace/layout-link.ts";
import type { Workspace } from "../workspace/workspace.ts";

/** Returns the title. Reads signals. */
export const linkTitle = ({ clock }: Pick<Workspace, "clock">): string =>
  clock.mode.value === "live" ? "Copy the link" : "Copy the link to this moment";

/** Parts of the workspace that a link has. */
export interface Linked {
  readonly clock: Pick<Clock, "moment">;
  readonly layout: Pick<Layout, "stored">;
}

/**
 * Returns the link. During playback, the address of the page has the moment at which it started, and the link the shown one.
 *
 * @param address address of the page
 */
export function linkOf({ clock: { moment }, layout }: Linked, address: string): string {
  const hash = formatLayout(layout.stored, moment === "live" ? undefined : moment);
  return new URL(`#${hash}`, address).href;
}
