/** Commands of a client to the playback of its pull. Those that arrive before the playback starts wait for it. */
import { GatewayError } from "../../../domain/errors.ts";
import type { PlaybackCommand } from "./playback-command.ts";

/** Maximum number of commands that wait. */
const MAX_EARLY = 100;

/** Returns the error of a command to a pull that is not a playback. */
export const needsPlayback = ({ name }: PlaybackCommand): GatewayError =>
  new GatewayError("BAD_PAYLOAD", `${name} requires a playback, which has the parameter rate`);

/** Commands of one playback. */
export class CommandQueue {
  #run: ((command: PlaybackCommand) => void) | undefined;
  #early: PlaybackCommand[] = [];

  /** Runs a command, or keeps it until the playback starts. @throws GatewayError BAD_PAYLOAD */
  add(command: PlaybackCommand): void {
    if (this.#run !== undefined) this.#run(command);
    else if (this.#early.length < MAX_EARLY) this.#early.push(command);
    else
      throw new GatewayError(
        "BAD_PAYLOAD",
        `a client must send at most ${MAX_EARLY} commands before its playback has started`,
      );
  }

  /** Call when the playback has started. @param run runs a command @returns the commands that waited, which the caller runs */
  start(run: (command: PlaybackCommand) => void): readonly PlaybackCommand[] {
    this.#run = run;
    const early = this.#early;
    this.#early = [];
    return early;
  }
}
