/**
 * Open panes: streams with their viewers, and panels. The layout is stored in the URL fragment, so that it survives a reload
 * and can be shared as a link: `#show=events&open=rover:camera&view=image&open=rover:imu&grid=…&t=…`, in this order.
 */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { formatGrid, type Grid, parseGrid } from "./grid.ts";

/** Names of the viewers; `auto` selects one by content. */
export const VIEWS = ["auto", "image", "audio", "plot", "states", "table", "text", "raw"] as const;

/** A viewer's name. */
export type View = (typeof VIEWS)[number];

/** Names of earlier versions, in stored links. */
const OLD_VIEWS: Readonly<Record<string, View>> = { msgpack: "text", hex: "raw" };

/** Names of the panels. */
export const PANELS = ["recordings", "events", "gateway", "connections"] as const;

/** A panel's name. */
export type Panel = (typeof PANELS)[number];

/** One open stream. */
export interface Pane {
  /** The stream's key. */
  readonly key: string;
  readonly view: View;
}

/** Identifies an open pane in the arrangement. */
export type PaneId = `stream ${string}` | `panel ${Panel}`;

/** Id of a stream's pane. */
export const streamId = (key: string): PaneId => `stream ${key}`;

/** Id of a panel's pane. */
export const panelId = (panel: Panel): PaneId => `panel ${panel}`;

/** Returns the panel of a pane; undefined for a stream. */
export const panelOf = (id: PaneId): Panel | undefined => PANELS.find((panel) => panelId(panel) === id);

/** The open panes, without their arrangement. */
export interface OpenPanes {
  readonly panels: readonly Panel[];
  readonly panes: readonly Pane[];
}

/** Returns the ids of open panes, in the order of the link. */
export const idsOf = ({ panels, panes }: OpenPanes): readonly PaneId[] => [
  ...panels.map(panelId),
  ...panes.map(({ key }) => streamId(key)),
];

/** Parses the open streams of a URL fragment. Unknown viewers become `auto`; duplicate streams are merged. */
export function parsePanes(hash: string): readonly Pane[] {
  const panes = new Map<string, View>();
  let key: string | undefined;
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (name === "open" && value !== "") {
      key = value;
      panes.set(key, "auto");
    } else if (name === "view" && key !== undefined) {
      panes.set(key, VIEWS.find((view) => view === value) ?? OLD_VIEWS[value] ?? "auto");
    }
  }
  return [...panes].map(([open, view]) => ({ key: open, view }));
}

/** Formats open streams as a URL fragment. The viewer `auto` is the default. */
export const formatPanes = (panes: readonly Pane[]): string =>
  new URLSearchParams(
    panes.flatMap(({ key, view }) => [["open", key], ...(view === "auto" ? [] : [["view", view]])]),
  ).toString();

/** A layout as it is stored and shared. */
export interface StoredLayout extends OpenPanes {
  readonly grid: Grid | undefined;
}

/** Parses a URL fragment. */
export function parseLayout(hash: string): StoredLayout {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const shown = new Set(query.getAll("show"));
  const panels = PANELS.filter((panel) => shown.has(panel));
  const panes = parsePanes(hash);
  return { panels, panes, grid: parseGrid(query.get("grid") ?? "", panels.length + panes.length) };
}

/** Returns the moment of the past that a URL fragment names: Unix ms or an entry id. */
export function parseTime(hash: string): string | undefined {
  const time = new URLSearchParams(hash.replace(/^#/, "")).get("t") ?? "";
  return /^\d{1,16}(-\d{1,20})?$/.test(time) ? time : undefined;
}

/**
 * Formats a layout as a URL fragment without `#`; empty if nothing is open.
 *
 * @param time moment of the past, Unix ms or an entry id
 */
export function formatLayout({ panels, panes, grid }: StoredLayout, time?: string): string {
  const shown = new URLSearchParams(panels.map((panel) => ["show", panel])).toString();
  const hasGrid = grid !== undefined && panels.length + panes.length > 1;
  // The characters of an arrangement need no encoding, and are readable without it.
  return [
    shown,
    formatPanes(panes),
    hasGrid ? `grid=${formatGrid(grid)}` : "",
    panes.length > 0 && time !== undefined ? `t=${time}` : "",
  ]
    .filter((part) => part !== "")
    .join("&");
}

/** An arrangement to establish; without `grid` each pane finds its place. */
export interface Placed {
  readonly grid: Grid | undefined;
}

/** The layout of the page. */
export class Layout {
  readonly #open: Signal<OpenPanes>;
  /** Another object each time the whole arrangement is replaced, by a link or a stored layout. */
  readonly #placed: Signal<Placed>;
  #grid: Grid | undefined;
  readonly #selected = signal<PaneId | undefined>(undefined);
  readonly panes: ReadonlySignal<readonly Pane[]>;
  readonly panels: ReadonlySignal<readonly Panel[]>;
  /** Key of the selected stream; undefined if there is none. */
  readonly selectedKey: ReadonlySignal<string | undefined>;
  readonly #changed: (layout: StoredLayout) => void;

  /** @param changed is called with each change that the user makes */
  constructor(initial: StoredLayout, changed: (layout: StoredLayout) => void) {
    this.#open = signal({ panels: initial.panels, panes: initial.panes });
    this.#placed = signal({ grid: initial.grid });
    this.#grid = initial.grid;
    this.#changed = changed;
    this.panes = computed(() => this.#open.value.panes);
    this.panels = computed(() => this.#open.value.panels);
    this.selectedKey = computed(() => {
      const id = this.#selected.value;
      const keys = this.#open.value.panes.map(({ key }) => key);
      return keys.find((key) => streamId(key) === id) ?? (keys.length === 1 ? keys[0] : undefined);
    });
  }

  /** The open panes. */
  get open(): ReadonlySignal<OpenPanes> {
    return this.#open;
  }

  /** Arrangement to establish. */
  get placed(): ReadonlySignal<Placed> {
    return this.#placed;
  }

  get selected(): ReadonlySignal<PaneId | undefined> {
    return this.#selected;
  }

  /** The layout as it is now. */
  get stored(): StoredLayout {
    return { ...this.#open.value, grid: this.#grid };
  }

  /** Opens a stream, or selects its pane. */
  openStream(key: string, view: View = "auto"): void {
    const { panels, panes } = this.#open.value;
    if (!panes.some((pane) => pane.key === key)) this.#set({ panels, panes: [...panes, { key, view }] });
    this.#selected.value = streamId(key);
  }

  /** Opens or closes a panel. */
  toggle(panel: Panel): void {
    const { panels, panes } = this.#open.value;
    const isShown = panels.includes(panel);
    this.#set({ panes, panels: PANELS.filter((one) => (one === panel ? !isShown : panels.includes(one))) });
    if (!isShown) this.#selected.value = panelId(panel);
  }

  /** Closes a pane. */
  close(id: PaneId): void {
    const { panels, panes } = this.#open.value;
    this.#set({
      panels: panels.filter((panel) => panelId(panel) !== id),
      panes: panes.filter(({ key }) => streamId(key) !== id),
    });
  }

  setView(key: string, view: View): void {
    const { panels, panes } = this.#open.value;
    this.#set({ panels, panes: panes.map((pane) => (pane.key === key ? { key, view } : pane)) });
  }

  select(id: PaneId | undefined): void {
    this.#selected.value = id;
  }

  /** Records the arrangement that the user has made. */
  arranged(grid: Grid | undefined): void {
    this.#grid = grid;
    this.#changed(this.stored);
  }

  /** Replaces all panes and their arrangement. */
  replace({ panels, panes, grid }: StoredLayout): void {
    this.#grid = grid;
    // Both at once: an arrangement applies to its panes.
    batch(() => {
      this.#placed.value = { grid };
      this.#open.value = { panels, panes };
    });
  }

  /** Replaces all panes by those of streams. @param panels panels to show */
  openOnly(keys: readonly string[], panels: readonly Panel[] = []): void {
    this.replace({ panels, panes: keys.map((key) => ({ key, view: "auto" })), grid: undefined });
  }

  #set(open: OpenPanes): void {
    this.#grid = undefined;
    this.#open.value = open;
    this.#changed(this.stored);
  }
}
