/**
 * Streams and lines of a plot that the user has chosen. They are part of the link: `line=l0:acc.x&of=rover:gps&line=r6:speed` is
 * a line of the pane's own stream and one of another stream. `l` and `r` are the axes, and the number is the colour. A stream
 * without `line` shows its default lines; an empty `line` shows none.
 */

/** Line that the user has chosen for a plot. */
export interface ChosenLine {
  /** Path of the field, such as `acc.x`. */
  readonly path: string;
  /** Position among the colours of `line-colours.css`. */
  readonly colour: number;
  /** Whether it belongs to the right axis. */
  readonly isRight: boolean;
}

/** A stream of a plot. */
export interface PlottedStream {
  readonly key: string;
  /** Absent for the default lines. */
  readonly lines?: readonly ChosenLine[];
}

/** Limits of a plot, also of one from a link. */
export const MAX_PLOTTED = 8;
const MAX_LINES = 64;

/** Name and value of a parameter of the link. */
export type Parameter = readonly [name: string, value: string];

/** Formats the streams of a plot. */
export function formatPlotted([own, ...others]: readonly PlottedStream[]): readonly Parameter[] {
  return [
    ...formatLines(own?.lines),
    ...others.flatMap(({ key, lines }): readonly Parameter[] => [["of", key], ...formatLines(lines)]),
  ];
}

function formatLines(lines: PlottedStream["lines"]): readonly Parameter[] {
  if (lines?.length === 0) return [["line", ""]];
  return (lines ?? []).map(({ path, colour, isRight }) => [
    "line",
    `${isRight ? "r" : "l"}${colour}:${path}`,
  ]);
}

/** Parses the parameters `of` and `line` that follow a stream; undefined if they change nothing. Invalid ones are ignored. */
export function parsePlotted(
  ownKey: string,
  parameters: readonly Parameter[],
): readonly PlottedStream[] | undefined {
  const streams = new Map<string, ChosenLine[] | undefined>([[ownKey, undefined]]);
  let key = ownKey;
  for (const [name, value] of parameters) {
    if (name === "of" && value !== "") {
      key = value;
      if (!streams.has(key)) streams.set(key, undefined);
    } else if (name === "line") {
      const line = parseLine(value);
      if (line === undefined && value !== "") continue;
      const lines = streams.get(key) ?? [];
      streams.set(key, lines);
      const isNew = line !== undefined && lines.every(({ path }) => path !== line.path);
      if (isNew && lines.length < MAX_LINES) lines.push(line);
    }
  }
  if (streams.size === 1 && streams.get(ownKey) === undefined) return undefined;
  return [...streams]
    .slice(0, MAX_PLOTTED)
    .map(([one, lines]) => (lines === undefined ? { key: one } : { key: one, lines }));
}

function parseLine(text: string): ChosenLine | undefined {
  const [, axis, colour, path] = /^([lr])(\d):(.+)$/s.exec(text) ?? [];
  return path === undefined ? undefined : { path, colour: Number(colour), isRight: axis === "r" };
}
