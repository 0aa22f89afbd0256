/**
 * Arrangement of panes: groups of tabs in nested rows and columns. As text it is part of the link:
 * `h(0*500,v(1!.2*300,3*700)*500)*1000` is a row of one group and a column of two groups. `h` is a row and `v` a column. The
 * numbers are positions in the list of panes, `!` marks the visible tab, and `*` begins the share of the size, in
 * thousandths.
 */

/** Direction in which the parts of a split are placed. */
export type Direction = "h" | "v";

/** A group of tabs. */
export interface Group {
  readonly panes: readonly number[];
  /** Position of the visible tab in `panes`. */
  readonly active: number;
  /** Share of the parent's size, thousandths. */
  readonly share: number;
}

/** A row or a column. */
export interface Split {
  readonly direction: Direction;
  readonly parts: readonly Grid[];
  readonly share: number;
}

/** A part of the arrangement. */
export type Grid = Group | Split;

/** Limits of an arrangement from a link. */
const MAX_DEPTH = 12;
const MAX_CHARACTERS = 4000;

/** Whether a part is a split. */
export const isSplit = (grid: Grid): grid is Split => "parts" in grid;

/** Formats an arrangement. */
export function formatGrid(grid: Grid): string {
  const text = isSplit(grid)
    ? `${grid.direction}(${grid.parts.map(formatGrid).join(",")})`
    : grid.panes.map((pane, i) => `${pane}${i === grid.active ? "!" : ""}`).join(".");
  return `${text}*${Math.round(grid.share)}`;
}

/** Parses an arrangement; undefined if it is invalid, names a pane twice, or names other panes than the first `count`. */
export function parseGrid(text: string, count: number): Grid | undefined {
  if (text.length > MAX_CHARACTERS) return undefined;
  const reader = new GridReader(text);
  const grid = reader.read(0);
  if (grid === undefined || !reader.isAtEnd) return undefined;
  const panes = panesOf(grid);
  const all = new Set(panes);
  return panes.length === count && all.size === count && panes.every((pane) => pane < count)
    ? grid
    : undefined;
}

/** Returns the panes of an arrangement, in order. */
export const panesOf = (grid: Grid): readonly number[] =>
  isSplit(grid) ? grid.parts.flatMap(panesOf) : grid.panes;

class GridReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  read(depth: number): Grid | undefined {
    if (depth > MAX_DEPTH) return undefined;
    const direction = this.#take(/[hv]\(/y)?.[0] as Direction | undefined;
    return direction === undefined ? this.#readGroup() : this.#readSplit(direction, depth);
  }

  #readSplit(direction: Direction, depth: number): Split | undefined {
    const parts: Grid[] = [];
    do {
      const part = this.read(depth + 1);
      if (part === undefined) return undefined;
      parts.push(part);
    } while (this.#take(/,/y) !== undefined);
    if (this.#take(/\)/y) === undefined) return undefined;
    const share = this.#readShare();
    return share === undefined ? undefined : { direction, parts, share };
  }

  #readGroup(): Group | undefined {
    const panes: number[] = [];
    let active = 0;
    do {
      const pane = this.#take(/\d{1,4}/y);
      if (pane === undefined) return undefined;
      if (this.#take(/!/y) !== undefined) active = panes.length;
      panes.push(Number(pane));
    } while (this.#take(/\./y) !== undefined);
    const share = this.#readShare();
    return share === undefined ? undefined : { panes, active, share };
  }

  #readShare(): number | undefined {
    const share = Number(this.#take(/\*\d{1,4}/y)?.slice(1));
    return share >= 1 && share <= 1000 ? share : undefined;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}
