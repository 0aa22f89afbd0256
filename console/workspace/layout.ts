/** Open panes: streams with their viewers, and panels. */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Grid } from "./grid.ts";
import type { PlottedStream } from "./plotted.ts";
import type { Turns } from "./turns.ts";

/** Name of a viewer. `auto` selects one by content, and so does the name of a viewer that this console lacks. */
export type View = string;

/** Names of the panels. */
export const PANELS = ["recordings", "events", "gateway", "connections"] as const;

/** A panel's name. */
export type Panel = (typeof PANELS)[number];

/** One open stream. */
export interface Pane {
  /** The stream's key. */
  readonly key: string;
  readonly view: View;
  /** Streams and lines of its plot, its own stream first; absent for the default lines of its own stream. */
  readonly plotted?: readonly PlottedStream[];
  /** Clockwise quarter turns of its picture; absent for none. */
  readonly turns?: Turns;
  /** Streams whose shapes are drawn over its picture; absent for those that declare it. */
  readonly overlays?: readonly string[];
  /** `live`, or a moment of the past: Unix ms or an entry id. Absent while the pane follows the time bar. */
  readonly moment?: string;
}

/** Changes of a pane; undefined restores the default. */
export type PaneChange = {
  readonly [Member in Exclude<keyof Pane, "key" | "view">]?: Pane[Member] | undefined;
};

/** Identifies an open pane in the arrangement. */
export type PaneId = `stream ${string}` | `panel ${Panel}`;

/** Id of a stream's pane. */
export const streamId = (key: string): PaneId => `stream ${key}`;

/** Id of a panel's pane. */
const panelId = (panel: Panel): PaneId => `panel ${panel}`;

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

/** A layout as it is stored and shared. */
export interface StoredLayout extends OpenPanes {
  readonly grid: Grid | undefined;
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

  /** Open panes and panels. */
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
    this.#set({ panels, panes: panes.map((pane) => (pane.key === key ? { ...pane, view } : pane)) });
  }

  /** Returns the open pane of a stream. */
  paneOf(key: string): Pane | undefined {
    return this.panes.value.find((pane) => pane.key === key);
  }

  /** Changes what an open pane shows. */
  change(key: string, change: PaneChange): void {
    const { panels, panes } = this.#open.value;
    // The arrangement stays: no pane is opened or closed.
    this.#open.value = {
      panels,
      panes: panes.map((pane) => (pane.key === key ? changed(pane, change) : pane)),
    };
    this.#changed(this.stored);
  }

  select(id: PaneId | undefined): void {
    this.#selected.value = id;
  }

  /** Records the arrangement that the user has made. */
  arranged(grid: Grid | undefined): void {
    this.#grid = grid;
    this.#changed(this.stored);
  }

  /** Replaces all panes and their arrangement by those of a link that the page has already. */
  replace({ panels, panes, grid }: StoredLayout): void {
    this.#grid = grid;
    // Both at once: an arrangement applies to its panes.
    batch(() => {
      this.#placed.value = { grid };
      this.#open.value = { panels, panes };
    });
  }

  /** Replaces all panes and their arrangement by those that the user selects. */
  show(layout: StoredLayout): void {
    this.replace(layout);
    // A narrow page stacks the panes, and reports no arrangement.
    this.#changed(this.stored);
  }

  /** Replaces all panes by those of streams. @param panels panels to show */
  openOnly(keys: readonly string[], panels: readonly Panel[] = []): void {
    this.show({ panels, panes: keys.map((key) => ({ key, view: "auto" })), grid: undefined });
  }

  #set(open: OpenPanes): void {
    this.#grid = undefined;
    this.#open.value = open;
    this.#changed(this.stored);
  }
}

/** Returns a pane without the members that a change sets to undefined. */
function changed(pane: Pane, change: PaneChange): Pane {
  const members = Object.entries({ ...pane, ...change }).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(members), key: pane.key, view: pane.view };
}
