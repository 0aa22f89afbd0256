/** Titles and icons of the panels. */
import type { IconName } from "../design/icon.tsx";
import type { Panel } from "../workspace/layout.ts";

/** Title and icon of each panel. */
export const PANEL_LOOKS: Readonly<Record<Panel, { readonly title: string; readonly icon: IconName }>> = {
  recordings: { title: "Recordings", icon: "record" },
  events: { title: "Events", icon: "bell" },
  gateway: { title: "Gateway", icon: "gauge" },
  connections: { title: "Connections", icon: "plug" },
};
