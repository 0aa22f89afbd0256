/** Tasks that run once at the end of an event-loop turn, for everything that arrived in it. */

/** Collects tasks. */
export class TurnTasks {
  #tasks: (() => void)[] = [];

  /** @returns whether it is the first one, so that the caller has to schedule `run` */
  add(task: () => void): boolean {
    return this.#tasks.push(task) === 1;
  }

  /** Runs and removes all tasks. */
  readonly run = (): void => {
    const due = this.#tasks;
    this.#tasks = [];
    for (const task of due) task();
  };
}
