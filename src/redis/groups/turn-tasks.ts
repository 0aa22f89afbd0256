/** Tasks that run once at the end of an event-loop turn, for everything that arrived in it. */

/** Collects tasks. */
export class TurnTasks {
  #tasks: (() => void)[] = [];

  add(task: () => void): void {
    this.#tasks.push(task);
  }

  /** Runs and removes all tasks. */
  readonly run = (): void => {
    const due = this.#tasks;
    this.#tasks = [];
    for (const task of due) task();
  };
}
