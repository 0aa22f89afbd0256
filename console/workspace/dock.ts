/**
 * Panes in tabs and splits, by dockview. It shows the panes of the layout, and reports to the layout which panes the user
 * moves, selects and closes. A pane that is behind another tab is not rendered.
 */

import { effect } from "@preact/signals";
import {
  createDockview,
  type DockviewApi,
  type DockviewGroupPanel,
  type IContentRenderer,
  type IHeaderActionsRenderer,
  type ITabRenderer,
} from "dockview-core";
import { type ComponentChild, render } from "preact";
import { fromDock, PANE, titleOf, toDock } from "./dock-grid.ts";
import { idsOf, type Layout, type PaneId, type Placed } from "./layout.ts";

/** Renders the parts of a pane. */
export interface PaneParts {
  content(id: PaneId): ComponentChild;
  tab(id: PaneId): ComponentChild;
  /** Controls at the right end of the tabs, for the visible pane of a group. */
  actions(id: PaneId, group: GroupState): ComponentChild;
  /** Content of the area while no pane is open. */
  empty(): ComponentChild;
}

/** State of a group of tabs. */
export interface GroupState {
  readonly isMaximized: boolean;
  toggleMaximized(): void;
}

/** Space a pane needs, CSS pixels. Where there is less, a new pane becomes a tab. */
const MIN_WIDTH = 300;
const MIN_HEIGHT = 180;
const THEME = { name: "console", className: "dockview-console", gap: 6 };

/** Docking area of the page, over dockview. */
export class Dock {
  readonly #api: DockviewApi;
  readonly #element: HTMLElement;
  readonly #layout: Layout;
  readonly #parts: PaneParts;
  readonly #stops: (() => void)[] = [];
  #isApplying = false;
  #reporting = 0;
  /** Whether the panes are arranged for a narrow area. */
  #isStacked = false;
  /** The arrangement that was established last. */
  #established: Placed | undefined;

  constructor(element: HTMLElement, layout: Layout, parts: PaneParts) {
    this.#element = element;
    this.#layout = layout;
    this.#parts = parts;
    this.#api = createDockview(element, {
      theme: THEME,
      disableFloatingGroups: true,
      createComponent: ({ id }) => this.#content(id as PaneId),
      createTabComponent: ({ id }) => this.#tab(id as PaneId),
      createRightHeaderActionComponent: (group) => this.#actions(group),
      createWatermarkComponent: () => this.#watermark(),
    });
    this.#isStacked = this.#isNarrow;
    const resizing = new ResizeObserver(() => this.#fitWidth());
    resizing.observe(element);
    const events = [
      this.#api.onDidRemovePanel(({ id }) => this.#isApplying || this.#layout.close(id as PaneId)),
      this.#api.onDidActivePanelChange(
        () => this.#isApplying || this.#layout.select(this.#api.activePanel?.id as PaneId | undefined),
      ),
      this.#api.onDidLayoutChange(() => this.#reportSoon()),
    ];
    this.#stops.push(
      () => {
        resizing.disconnect();
        for (const event of events) event.dispose();
      },
      // One effect for both: an arrangement is established before panes are added to it.
      effect(() => {
        const placed = this.#layout.placed.value;
        this.#layout.open.value;
        if (placed !== this.#established) this.#place(placed);
        this.#established = placed;
        this.#follow();
      }),
      effect(() => {
        const id = this.#layout.selected.value;
        if (id !== undefined && this.#api.activePanel?.id !== id) this.#api.getPanel(id)?.api.setActive();
      }),
    );
  }

  stop(): void {
    cancelAnimationFrame(this.#reporting);
    for (const stop of this.#stops) stop();
    this.#api.dispose();
  }

  /** Stacks the panes when the area becomes narrow, and restores their arrangement when it becomes wide. */
  #fitWidth(): void {
    const isNarrow = this.#isNarrow;
    if (this.#element.clientWidth === 0 || isNarrow === this.#isStacked) return;
    const { stored } = this.#layout;
    this.#isStacked = isNarrow;
    this.#apply(() => {
      this.#api.clear();
      // Its own observer may not have been called yet.
      this.#api.layout(this.#element.clientWidth, this.#element.clientHeight);
    });
    this.#place(stored);
    this.#follow();
  }

  /** Establishes an arrangement as a whole. */
  #place({ grid }: Placed): void {
    const ids = idsOf(this.#layout.open.peek());
    this.#apply(() => {
      if (grid === undefined || this.#isNarrow) {
        this.#api.clear();
        return;
      }
      try {
        const { clientWidth, clientHeight } = this.#element;
        this.#api.fromJSON(toDock(grid, ids, clientWidth, clientHeight));
      } catch {
        // An arrangement that dockview rejects: each pane finds its place.
        this.#api.clear();
      }
    });
  }

  /** Adds and removes panes, so that those of the layout are open. */
  #follow(): void {
    const ids = idsOf(this.#layout.open.peek());
    const wanted = new Set<string>(ids);
    this.#apply(() => {
      for (const panel of this.#api.panels) if (!wanted.has(panel.id)) this.#api.removePanel(panel);
      for (const id of ids) if (this.#api.getPanel(id) === undefined) this.#add(id);
    });
    // The inspector shows the pane that is active without a click, too.
    if (this.#layout.selected.peek() === undefined)
      this.#layout.select(this.#api.activePanel?.id as PaneId | undefined);
    this.#reportSoon();
  }

  #apply(change: () => void): void {
    this.#isApplying = true;
    try {
      change();
    } finally {
      this.#isApplying = false;
    }
  }

  get #isNarrow(): boolean {
    return this.#element.clientWidth < 2 * MIN_WIDTH;
  }

  /** Adds a pane beside the largest group, across its longer side. */
  #add(id: PaneId): void {
    const base = { id, component: PANE, tabComponent: PANE, title: titleOf(id) };
    const largest = this.#api.groups.reduce<DockviewGroupPanel | undefined>(
      (max, group) =>
        max === undefined || group.width * group.height > max.width * max.height ? group : max,
      undefined,
    );
    if (largest === undefined || largest.panels.length === 0) {
      this.#api.addPanel(base);
      return;
    }
    const isWide = largest.width > 1.3 * largest.height;
    const hasRoom = isWide ? largest.width >= 2 * MIN_WIDTH : largest.height >= 2 * MIN_HEIGHT;
    const direction = !hasRoom ? ("within" as const) : isWide ? ("right" as const) : ("below" as const);
    this.#api.addPanel({ ...base, position: { referenceGroup: largest, direction } });
  }

  /** Reports the arrangement once per frame: dragging a border changes it many times. */
  #reportSoon(): void {
    cancelAnimationFrame(this.#reporting);
    this.#reporting = requestAnimationFrame(() => {
      if (this.#isNarrow) return;
      const ids = idsOf(this.#layout.open.peek());
      this.#layout.arranged(fromDock(this.#api.toJSON(), ids));
    });
  }

  #content(id: PaneId): IContentRenderer {
    const element = document.createElement("div");
    element.className = "pane-content";
    let watch: { dispose(): void } | undefined;
    return {
      element,
      init: ({ api }) => {
        const show = () => render(api.isVisible ? this.#parts.content(id) : null, element);
        watch = api.onDidVisibilityChange(show);
        show();
      },
      dispose() {
        watch?.dispose();
        render(null, element);
      },
    };
  }

  #tab(id: PaneId): ITabRenderer {
    const element = document.createElement("div");
    element.className = "pane-tab";
    return {
      element,
      init: () => render(this.#parts.tab(id), element),
      dispose: () => render(null, element),
    };
  }

  #actions(group: DockviewGroupPanel): IHeaderActionsRenderer {
    const element = document.createElement("div");
    element.className = "pane-actions";
    const events: { dispose(): void }[] = [];
    const show = () => {
      const id = group.activePanel?.id as PaneId | undefined;
      const state: GroupState = {
        isMaximized: group.api.isMaximized(),
        toggleMaximized: () => (group.api.isMaximized() ? group.api.exitMaximized() : group.api.maximize()),
      };
      render(id === undefined ? null : this.#parts.actions(id, state), element);
    };
    return {
      element,
      init: ({ containerApi, api }) => {
        events.push(api.onDidActivePanelChange(show), containerApi.onDidMaximizedGroupChange(show));
        show();
      },
      dispose() {
        for (const event of events) event.dispose();
        render(null, element);
      },
    };
  }

  #watermark() {
    const element = document.createElement("div");
    element.className = "watermark";
    return {
      element,
      init: () => render(this.#parts.empty(), element),
      dispose: () => render(null, element),
    };
  }
}
