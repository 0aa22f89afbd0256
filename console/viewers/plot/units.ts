/** Units of lines and axes, as the metadata of the streams declares them. */
import { readDeclaration } from "../../../src/domain/content/declaration.ts";
import type { PlotLine } from "./plot-lines.ts";

/** Maximum number of units at one axis. */
const MAX_UNITS = 3;

/** Returns the unit that the metadata of a stream declares for a field; empty if there is none. */
export function unitOf(meta: unknown, field: string): string {
  const { units } = readDeclaration(meta).declaration;
  return typeof units === "string" ? units : (units?.[field] ?? "");
}

/** Returns the units of the lines at the left and at the right axis. @param metaOf returns the metadata of a stream */
export function axisUnits(
  lines: readonly PlotLine[],
  metaOf: (key: string) => unknown,
): readonly [left: string, right: string] {
  const unitsAt = (side: boolean) => {
    const own = lines.filter(({ isRight }) => isRight === side);
    const units = new Set(
      own.map(({ key, path }) => unitOf(metaOf(key), path)).filter((unit) => unit !== ""),
    );
    return [...units].slice(0, MAX_UNITS).join(", ");
  };
  return [unitsAt(false), unitsAt(true)];
}
