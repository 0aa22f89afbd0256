/** Converts between the arrangement of a link and the layout of dockview. */
import { Orientation, type SerializedDockview } from "dockview-core";
import { PANEL_LOOKS } from "../panels/panels.ts";
import { type Grid, isSplit } from "./grid.ts";
import { type PaneId, panelOf } from "./layout.ts";

type DockNode = SerializedDockview["grid"]["root"];

/** Name of the components of every pane and every tab. */
export const PANE = "pane";

/** Returns the layout of dockview for an arrangement. */
export function toDock(
  grid: Grid,
  ids: readonly PaneId[],
  width: number,
  height: number,
): SerializedDockview {
  // The root of dockview is a branch.
  const root: Grid = isSplit(grid)
    ? grid
    : { direction: "h", parts: [{ ...grid, share: 1000 }], share: 1000 };
  let groups = 0;
  const nodeOf = (part: Grid, isRow: boolean, box: readonly [number, number]): DockNode => {
    const [along, across] = isRow ? box : [box[1], box[0]];
    if (!isSplit(part)) {
      const views = part.panes.map((pane) => ids[pane] ?? "");
      return {
        type: "leaf",
        data: { id: `group-${++groups}`, views, activeView: views[part.active] ?? views[0] ?? "" },
        size: across,
      };
    }
    const total = part.parts.reduce((sum, { share }) => sum + share, 0);
    return {
      type: "branch",
      data: part.parts.map((child) => {
        const size = (along * child.share) / total;
        // The size of a node is the one along its parent, which lies across the node's own direction.
        const node = nodeOf(child, !isRow, isRow ? [size, box[1]] : [box[0], size]);
        return { ...node, size };
      }),
      size: across,
    };
  };
  const isRow = isSplit(root) && root.direction === "h";
  return {
    grid: {
      root: nodeOf(root, isRow, [width, height]),
      width,
      height,
      orientation: isRow ? Orientation.HORIZONTAL : Orientation.VERTICAL,
    },
    panels: Object.fromEntries(
      ids.map((id) => [id, { id, contentComponent: PANE, tabComponent: PANE, title: titleOf(id) }]),
    ),
  };
}

/** Returns the arrangement of a layout of dockview; undefined if it is empty. */
export function fromDock({ grid }: SerializedDockview, ids: readonly PaneId[]): Grid | undefined {
  const gridOf = ({ type, data }: DockNode, isRow: boolean, share: number): Grid | undefined => {
    if (type === "leaf" || !Array.isArray(data)) {
      if (Array.isArray(data)) return undefined;
      const panes = data.views.map((id) => ids.indexOf(id as PaneId)).filter((pane) => pane >= 0);
      const active = Math.max(0, panes.indexOf(ids.indexOf(data.activeView as PaneId)));
      return panes.length === 0 ? undefined : { panes, active, share };
    }
    const total = data.reduce((sum, { size = 1 }) => sum + size, 0) || 1;
    const parts = data
      .map((node) => gridOf(node, !isRow, Math.max(1, Math.round(((node.size ?? 1) / total) * 1000))))
      .filter((part) => part !== undefined);
    return parts.length === 0 ? undefined : { direction: isRow ? "h" : "v", parts, share };
  };
  return gridOf(grid.root, grid.orientation === Orientation.HORIZONTAL, 1000);
}

/** Title of a pane. */
export const titleOf = (id: PaneId): string => {
  const panel = panelOf(id);
  return panel === undefined ? id.slice(id.indexOf(" ") + 1) : PANEL_LOOKS[panel].title;
};
