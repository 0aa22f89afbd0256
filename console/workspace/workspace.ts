/** Shared state of the parts of the page: the client, the lists, the layout, the clock and the theme. */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Streamer } from "../../client/browser.ts";
import type { Theme } from "../page/theme.ts";
import type { Session } from "../shell/session.ts";
import type { Sides } from "../shell/sides.ts";
import type { Listing } from "../stream-list/listing.ts";
import { Clock } from "../time/clock.ts";
import { SharedCursor } from "../time/shared-cursor.ts";
import { type Demo, openDemo } from "./demo.ts";
import type { Layout, View } from "./layout.ts";
import type { LayoutStore } from "./layout-store.ts";

/** State that the panes, the stream list and the time bar share. */
export interface Workspace {
  readonly streamer: Streamer;
  readonly listing: Listing;
  readonly layout: Layout;
  /** Named layouts of this browser. */
  readonly layouts: LayoutStore;
  readonly clock: Clock;
  /** The moment under the pointer, which all panes mark. */
  readonly cursor: SharedCursor;
  readonly demo: Demo;
  readonly sides: Sides;
  readonly theme: Theme;
  /** Undefined until it is known. */
  readonly session: ReadonlySignal<Session | undefined>;
  /** Viewers that were selected by content, by key of the stream. */
  readonly detected: Signal<ReadonlyMap<string, View>>;
  /** Whether times are shown in UTC. */
  readonly isUtc: Signal<boolean>;
  /** Length of the range that the time bar and, in the past, the plots show, ms; infinite for everything. */
  readonly spanMs: Signal<number>;
}

/** Creates the state. */
export const createWorkspace = (
  parts: Pick<Workspace, "streamer" | "listing" | "layout" | "layouts" | "sides" | "theme" | "session">,
): Workspace => ({
  ...parts,
  clock: new Clock(parts.streamer),
  cursor: new SharedCursor(),
  demo: openDemo(),
  detected: signal(new Map()),
  isUtc: signal(false),
  spanMs: signal(Number.POSITIVE_INFINITY),
});
