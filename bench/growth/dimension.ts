/** A quantity with which a cost may grow. */
import type { Cost, Measured } from "./cost.ts";

/** Result at one value of the quantity. */
export interface Point extends Cost {
  /** Memory in bytes that the gateway uses in addition to that of a gateway without clients. */
  readonly memoryBytes: number;
}

/** A quantity over three decades, and the operation whose cost is measured. */
export interface Dimension {
  /** Name for `--only`. */
  readonly name: string;
  /** Operation and quantity, for the table. */
  readonly what: string;
  readonly values: readonly number[];
  /** Measures at one value, with a gateway of its own. */
  measure(measured: Measured, value: number): Promise<Point>;
}

export const DECADES: readonly number[] = [10, 100, 1000, 10_000];
