/**
 * Open streams with their viewers, and open panels. They are stored in the URL fragment, so that they survive a reload and
 * can be shared as a link. `#show=events&open=rover:camera&view=image&open=rover:imu&view=auto`, in this order.
 */
import { type ReadonlySignal, signal } from "@preact/signals";

/** Names of the viewers; `auto` selects one by content. */
export const VIEWS = ["auto", "image", "plot", "audio", "text", "msgpack", "hex"] as const;

/** A viewer's name. */
export type View = (typeof VIEWS)[number];

/** Names of the panels. */
export const PANELS = ["events", "gateway"] as const;

/** A panel's name. */
export type Panel = (typeof PANELS)[number];

/** One open stream. */
export interface Pane {
  /** The stream's key. */
  readonly key: string;
  readonly view: View;
}

/** Open streams and panels. */
export interface Layout {
  readonly panes: ReadonlySignal<readonly Pane[]>;
  readonly panels: ReadonlySignal<readonly Panel[]>;
  open(key: string): void;
  close(key: string): void;
  setView(key: string, view: View): void;
  /** Opens or closes a panel. */
  toggle(panel: Panel): void;
  stop(): void;
}

/** Parses the open streams of a URL fragment. Unknown viewers become `auto`; duplicate streams are merged. */
export function parsePanes(hash: string): readonly Pane[] {
  const panes = new Map<string, View>();
  let key: string | undefined;
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (name === "open" && value !== "") {
      key = value;
      panes.set(key, "auto");
    } else if (name === "view" && key !== undefined) {
      panes.set(key, VIEWS.find((view) => view === value) ?? "auto");
    }
  }
  return [...panes].map(([open, view]) => ({ key: open, view }));
}

/** Formats open streams as a URL fragment. */
export const formatPanes = (panes: readonly Pane[]): string =>
  new URLSearchParams(
    panes.flatMap(({ key, view }) => [
      ["open", key],
      ["view", view],
    ]),
  ).toString();

/** Parses the open panels of a URL fragment. */
function parsePanels(hash: string): readonly Panel[] {
  const shown = new Set(new URLSearchParams(hash.replace(/^#/, "")).getAll("show"));
  return PANELS.filter((panel) => shown.has(panel));
}

const formatPanels = (panels: readonly Panel[]): string =>
  new URLSearchParams(panels.map((panel) => ["show", panel])).toString();

/** Creates the layout of the page, and keeps it in sync with the URL fragment. */
export function syncLayoutWithUrl(): Layout {
  const panes = signal(parsePanes(location.hash));
  const panels = signal(parsePanels(location.hash));
  const follow = () => {
    panes.value = parsePanes(location.hash);
    panels.value = parsePanels(location.hash);
  };
  addEventListener("hashchange", follow);
  const write = () => {
    const parts = [formatPanels(panels.value), formatPanes(panes.value)].filter((part) => part !== "");
    history.replaceState(null, "", parts.length === 0 ? location.pathname : `#${parts.join("&")}`);
  };
  const set = (changed: readonly Pane[]) => {
    panes.value = changed;
    write();
  };
  return {
    panes,
    panels,
    open(key) {
      if (!panes.value.some((pane) => pane.key === key)) set([...panes.value, { key, view: "auto" }]);
    },
    close: (key) => set(panes.value.filter((pane) => pane.key !== key)),
    setView: (key, view) => set(panes.value.map((pane) => (pane.key === key ? { key, view } : pane))),
    toggle(panel) {
      const isShown = panels.value.includes(panel);
      panels.value = PANELS.filter((one) => (one === panel ? !isShown : panels.value.includes(one)));
      write();
    },
    stop: () => removeEventListener("hashchange", follow),
  };
}
