/** Lines of a plot: the chosen and the default ones of each stream, with a colour that stays. */
import { LINE_COLOURS } from "../../design/line-colours.ts";
import type { ChosenLine, PlottedStream } from "../../workspace/plotted.ts";

/** A stream of a plot. */
export interface PlotStream extends PlottedStream {
  /** All fields, in the order in which they appeared. */
  readonly fields: readonly string[];
  /** Fields that are shown until the user selects others. */
  readonly defaults: readonly string[];
}

/** Line that a plot shows, with its stream and colour. */
export interface PlotLine extends ChosenLine {
  /** Key of the stream. */
  readonly key: string;
}

/** Colours of the lines of a pane. A line that is hidden and shown again has its colour again, if it is not in use. */
export class LineColours {
  readonly #known = new Map<string, number>();

  /** Returns the lines of the streams, in order. The stored colours of chosen lines are kept. */
  linesOf(streams: readonly PlotStream[]): readonly PlotLine[] {
    const used = new Array<number>(LINE_COLOURS).fill(0);
    const use = (key: string, path: string, colour: number) => {
      used[colour] = (used[colour] ?? 0) + 1;
      this.#known.set(nameOf(key, path), colour);
    };
    // The chosen ones first: their colours are part of the link.
    for (const { key, lines = [] } of streams)
      for (const { path, colour } of lines) use(key, path, colour % LINE_COLOURS);
    return streams.flatMap(({ key, lines, defaults }) => {
      if (lines !== undefined) return lines.map((line) => ({ ...line, key }));
      return defaults.map((path) => {
        const colour = this.#freeColour(key, path, used);
        use(key, path, colour);
        return { key, path, colour, isRight: false };
      });
    });
  }

  /** Returns the colour of a line that becomes visible beside others. */
  colourOf(key: string, path: string, shown: readonly PlotLine[]): number {
    const used = new Array<number>(LINE_COLOURS).fill(0);
    for (const { colour } of shown) used[colour % LINE_COLOURS] = (used[colour % LINE_COLOURS] ?? 0) + 1;
    return this.#freeColour(key, path, used);
  }

  /** The colour that the line had, or else the first of those that the fewest lines have. */
  #freeColour(key: string, path: string, used: readonly number[]): number {
    const fewest = Math.min(...used);
    const known = this.#known.get(nameOf(key, path));
    return known !== undefined && used[known] === fewest ? known : used.indexOf(fewest);
  }
}

/** Returns the streams with all shown lines as chosen ones, so that their colours stay when a stream is added. */
export const chosenOf = (
  streams: readonly PlotStream[],
  shown: readonly PlotLine[],
): readonly PlottedStream[] =>
  streams.map(({ key, fields }) => {
    // The lines of a stream that has not arrived are still unknown.
    if (fields.length === 0) return { key };
    const own = shown.filter((line) => line.key === key);
    return { key, lines: own.map(({ path, colour, isRight }) => ({ path, colour, isRight })) };
  });

/** Shows a line, or hides it. */
export const withLine = (
  plotted: readonly PlottedStream[],
  key: string,
  line: ChosenLine,
): readonly PlottedStream[] =>
  changed(plotted, key, (lines) => {
    const others = lines.filter(({ path }) => path !== line.path);
    return others.length < lines.length ? others : [...others, line];
  });

/** Moves a line to the other axis. */
export const withOtherAxis = (
  plotted: readonly PlottedStream[],
  key: string,
  path: string,
): readonly PlottedStream[] =>
  changed(plotted, key, (lines) =>
    lines.map((line) => (line.path === path ? { ...line, isRight: !line.isRight } : line)),
  );

const changed = (
  plotted: readonly PlottedStream[],
  key: string,
  change: (lines: readonly ChosenLine[]) => readonly ChosenLine[],
): readonly PlottedStream[] =>
  plotted.map((stream) => (stream.key === key ? { key, lines: change(stream.lines ?? []) } : stream));

const nameOf = (key: string, path: string): string => JSON.stringify([key, path]);
