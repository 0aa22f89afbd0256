/**
 * An async iterator over what is there now or will be: it hands on what `take` gives, waits where that is nothing, and
 * ends at once when it is told to, which a generator that waits does not.
 */

/** An iterator and the hands that its source holds it by. */
export interface PullIterator<T> {
  readonly iterator: AsyncGenerator<T, undefined, undefined>;
  /** There may be something to take now. */
  wake(): void;
  /** Ends it, with an error for whoever waits or asks next. */
  end(error?: Error): void;
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: Error): void;
}

/**
 * Makes an iterator.
 *
 * @param take removes and gives the next value; undefined where there is none now
 * @param release called once, when it has ended for whatever reason
 */
export function createPullIterator<T>(take: () => T | undefined, release: () => void): PullIterator<T> {
  const waiting: Waiter<T>[] = [];
  let ended = false;
  let failure: Error | undefined;

  function wake(): void {
    while (waiting.length > 0 && !ended) {
      const value = take();
      if (value === undefined) return;
      waiting.shift()?.resolve({ value, done: false });
    }
  }

  function end(error?: Error): void {
    if (ended) return;
    ended = true;
    const [first, ...others] = waiting.splice(0);
    if (error !== undefined && first !== undefined) first.reject(error);
    else {
      failure = error;
      first?.resolve({ value: undefined, done: true });
    }
    for (const one of others) one.resolve({ value: undefined, done: true });
    release();
  }

  const finish = async (): Promise<IteratorResult<T, undefined>> => {
    end();
    return { value: undefined, done: true };
  };

  return {
    wake,
    end,
    iterator: {
      next: () =>
        new Promise((resolve, reject) => {
          if (failure !== undefined) {
            reject(failure);
            failure = undefined;
          } else if (ended) resolve({ value: undefined, done: true });
          else {
            waiting.push({ resolve, reject });
            wake();
          }
        }),
      return: finish,
      throw: finish,
      [Symbol.asyncIterator]() {
        return this;
      },
    },
  };
}
