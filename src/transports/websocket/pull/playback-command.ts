/** Commands of a pulling client to its playback, as control messages (docs/protocol.md, "Playback"). */

import { GatewayError } from "../../../domain/errors.ts";
import { shown } from "../../../domain/shown.ts";
import { parseTime } from "../../../domain/streams/cursor.ts";
import type { EntryId } from "../../../domain/streams/entry-id.ts";
import type { PlaybackControls } from "../../../live/playback/options.ts";
import { isRate, MAX_RATE, MIN_RATE } from "../../request/playback.ts";

/** Parsed command of a playback. */
export type PlaybackCommand =
  | { readonly name: "pause" }
  | { readonly name: "play"; readonly rate: number | undefined }
  | { readonly name: "seek"; readonly id: EntryId }
  | { readonly name: "step"; readonly steps: number }
  | { readonly name: "live" };

/** The messages, for errors. */
export const COMMAND_FORMS =
  '{"pause": true}, {"play": {"rate": 1}}, {"seek": time}, {"step": 1} or {"live": true}';

/** Maximum number of entries of a step. They are all read, and one is sent. */
const MAX_STEPS = 10;

/** Reads a command. @returns undefined if the value is not one @throws GatewayError BAD_PAYLOAD or BAD_PARAMETER */
export function readCommand(value: unknown): PlaybackCommand | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const [[name, argument] = [], ...others] = Object.entries(value) as readonly [string, unknown][];
  if (others.length > 0) return undefined;
  switch (name) {
    case "pause":
    case "live":
      if (argument !== true) throw bad(`${name} must be true`, argument);
      return { name };
    case "play":
      return { name, rate: rateOf(argument) };
    case "seek":
      return { name, id: idOf(argument) };
    case "step":
      return { name, steps: stepsOf(argument) };
    default:
      return undefined;
  }
}

/** Runs a command. @throws GatewayError BAD_PAYLOAD */
export function runCommand(playback: PlaybackControls, command: PlaybackCommand): void {
  if (command.name === "pause") playback.pause();
  else if (command.name === "play") playback.play(command.rate);
  else if (command.name === "seek") playback.seek(command.id);
  else if (command.name === "step") playback.step(command.steps);
  else playback.live();
}

function rateOf(argument: unknown): number | undefined {
  if (argument === true) return undefined;
  if (typeof argument !== "object" || argument === null || Array.isArray(argument))
    throw bad('play must be true or {"rate": 1}', argument);
  const rate: unknown = "rate" in argument ? argument.rate : undefined;
  if (rate === undefined) return undefined;
  if (typeof rate === "number" && isRate(rate)) return rate;
  throw bad(`rate must be 0, or a number between ${MIN_RATE} and ${MAX_RATE}`, rate);
}

function idOf(argument: unknown): EntryId {
  if (typeof argument === "string") return parseTime("seek", argument, "least");
  if (typeof argument === "number" && argument >= 0 && argument <= Number.MAX_SAFE_INTEGER)
    return parseTime("seek", String(Math.floor(argument)), "least");
  throw bad("seek must be an entry id, milliseconds or an ISO 8601 time", argument);
}

function stepsOf(argument: unknown): number {
  if (typeof argument === "number" && Number.isInteger(argument) && argument !== 0)
    if (Math.abs(argument) <= MAX_STEPS) return argument;
  throw bad(`step must be an integer between -${MAX_STEPS} and ${MAX_STEPS}, except 0`, argument);
}

const bad = (what: string, got: unknown): GatewayError =>
  new GatewayError("BAD_PAYLOAD", `${what}, got ${shown(got)}`);
