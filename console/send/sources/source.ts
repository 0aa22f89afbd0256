/** Sources: the sensors and files that the device can send, each as one stream. */
import type { IconNode } from "lucide";
import type { CaptureOutput, OpenCapture, OpenCaptureWith } from "../capture/capture.ts";
import type { Feature } from "./availability.ts";

/** Names of the streams. */
export type SourceName = "camera" | "mic" | "motion" | "gps";

/**
 * Delivery of entries that are made faster than the gateway stores them: `newest` leaves out those that cannot be sent at once,
 * `all` keeps them, up to a limit.
 */
export type Delivery = "newest" | "all";

/** Values that can be chosen. */
export type ChoiceValue = string | number;

/** A choice of the user. */
export interface Choice<Value extends ChoiceValue = ChoiceValue> {
  readonly label: string;
  readonly values: readonly Value[];
  readonly fallback: Value;
  textOf(value: Value): string;
}

/** Chosen values, by the names of the choices. */
export type Chosen = Readonly<Record<string, ChoiceValue>>;

/** Parts of a source that do not depend on its choices. */
interface SourceParts {
  /** Name of its stream. */
  readonly name: SourceName;
  readonly title: string;
  /** Kind of data that it sends, as the card shows it. */
  readonly about: string;
  /** The sensor, as messages name it. */
  readonly sensor: string;
  readonly icon: IconNode;
  readonly feature: Feature;
  readonly delivery: Delivery;
}

/** Source: a sensor that the user switches on and off. */
export interface Source extends SourceParts {
  readonly choices: Readonly<Record<string, Choice>>;
  open(chosen: Chosen, output: CaptureOutput): Promise<OpenCapture>;
}

/** A source as it is defined: `Options` are the values of its choices. */
interface SourceOf<Options> extends SourceParts {
  readonly choices: { readonly [Name in keyof Options]: Choice<Extract<Options[Name], ChoiceValue>> };
  readonly open: OpenCaptureWith<Options>;
}

/** Defines a source. A value that is not one of a choice counts as its fallback. */
export function defineSource<Options extends object>(source: SourceOf<Options>): Source {
  const choices: Readonly<Record<string, Choice>> = { ...source.choices };
  return {
    ...source,
    choices,
    open: (chosen, output) =>
      source.open(
        Object.fromEntries(
          Object.entries(choices).map(([name, { values, fallback }]) => [
            name,
            values.find((one) => one === chosen[name]) ?? fallback,
          ]),
        ) as Options,
        output,
      ),
  };
}
