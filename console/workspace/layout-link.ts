/**
 * A layout as a link. It is stored in the URL fragment, so that it survives a reload and can be shared:
 * `#show=events&open=rover:camera&view=image&turn=90&boxes=rover:detections&open=rover:imu&at=live&grid=…&t=…`, in this order.
 */
import { formatGrid, parseGrid } from "./grid.ts";
import { PANELS, type Pane, type StoredLayout, type View } from "./layout.ts";
import { formatPlotted, type Parameter, parsePlotted } from "./plotted.ts";
import { formatTurns, parseTurns } from "./turns.ts";

/** Moment of the past: Unix ms or an entry id. */
const TIME = /^\d{1,16}(-\d{1,20})?$/;
/** Names of earlier versions, in stored links. */
const OLD_VIEWS: ReadonlyMap<string, View> = new Map([
  ["msgpack", "text"],
  ["hex", "raw"],
]);

/** Maximum number of streams drawn over a picture, also of a link. */
const MAX_OVERLAYS = 8;

/** Parses the open streams of a URL fragment. Invalid names of viewers become `auto`; duplicate streams are merged. */
export function parsePanes(hash: string): readonly Pane[] {
  const panes = new Map<string, Parameter[]>();
  let parameters: Parameter[] | undefined;
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (name === "open" && value !== "") {
      parameters = [];
      panes.set(value, parameters);
    } else {
      parameters?.push([name, value]);
    }
  }
  return [...panes].map(([key, own]) => {
    const last = (wanted: string) => own.findLast(([name]) => name === wanted)?.[1];
    const plotted = parsePlotted(key, own);
    const turns = parseTurns(last("turn"));
    const overlays = parseOverlays(own);
    const moment = parseMoment(last("at"));
    return {
      key,
      view: viewNamed(last("view") ?? "auto"),
      ...(plotted && { plotted }),
      ...(turns && { turns }),
      ...(overlays && { overlays }),
      ...(moment !== undefined && { moment }),
    };
  });
}

/** Parses the parameters `boxes`; an empty one alone shows none. */
function parseOverlays(parameters: readonly Parameter[]): readonly string[] | undefined {
  const keys = parameters.filter(([name]) => name === "boxes").map(([, key]) => key);
  return keys.length === 0
    ? undefined
    : [...new Set(keys)].filter((key) => key !== "").slice(0, MAX_OVERLAYS);
}

const parseMoment = (text: string | undefined): string | undefined =>
  text === "live" || (text !== undefined && TIME.test(text)) ? text : undefined;

const viewNamed = (name: string): View => OLD_VIEWS.get(name) ?? (/^[a-z]{1,20}$/.test(name) ? name : "auto");

/** Formats open streams as a URL fragment. The viewer `auto` is the default. */
export const formatPanes = (panes: readonly Pane[]): string =>
  new URLSearchParams(
    panes.flatMap(({ key, view, plotted = [], turns = 0, overlays, moment }) => [
      ["open", key],
      ...(view === "auto" ? [] : [["view", view]]),
      ...(turns === 0 ? [] : [["turn", formatTurns(turns)]]),
      ...(overlays?.length === 0 ? [""] : (overlays ?? [])).map((one) => ["boxes", one]),
      ...(moment === undefined ? [] : [["at", moment]]),
      ...formatPlotted(plotted).map((parameter) => [...parameter]),
    ]),
  ).toString();

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
  return TIME.test(time) ? time : undefined;
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
