/**
 * Statuses of one viewer: problems that last, such as images that are skipped. Only the state at the time when the viewer can
 * read is sent, so that a viewer that does not read holds nothing. Texts are constant, because viewers list each text
 * separately.
 */
import { STATUS_LEVELS } from "../../wire/foxglove/server-messages.ts";
import type { Outlet } from "./outlet.ts";

/** Problem that a viewer shows while it lasts. */
export interface Status {
  readonly level: keyof typeof STATUS_LEVELS;
  readonly message: string;
}

/** Keeps the statuses that are true, and those that the viewer knows. */
export class Statuses {
  readonly #onChange: () => void;
  readonly #wanted = new Map<string, Status>();
  readonly #sent = new Map<string, Status>();
  /** Ids whose status may differ from the one that was sent. */
  readonly #changed = new Set<string>();

  /** @param onChange called when `sync` has something to send */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Shows a status, if none with its id is shown. */
  set(id: string, status: Status): void {
    if (this.#wanted.has(id)) return;
    this.#wanted.set(id, status);
    this.#change(id);
  }

  /** Removes a status. */
  remove(id: string): void {
    if (this.#wanted.delete(id)) this.#change(id);
  }

  /** Sends changes while the outlet has room. */
  sync(outlet: Outlet): void {
    const removed: string[] = [];
    for (const id of this.#changed) {
      if (outlet.isFull()) break;
      this.#changed.delete(id);
      const [wanted, sent] = [this.#wanted.get(id), this.#sent.get(id)];
      if (wanted === sent) continue;
      if (wanted === undefined) {
        this.#sent.delete(id);
        removed.push(id);
      } else {
        this.#sent.set(id, wanted);
        outlet.send({ op: "status", level: STATUS_LEVELS[wanted.level], message: wanted.message, id });
      }
    }
    if (removed.length > 0) outlet.send({ op: "removeStatus", statusIds: removed });
  }

  #change(id: string): void {
    this.#changed.add(id);
    this.#onChange();
  }
}
