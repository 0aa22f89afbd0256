/**
 * Async iterator over values that `take` returns. It waits while there is none, and it can be ended at any time, unlike
 * an async generator that awaits.
 */

/** Iterator and the controls of its producer. */
export interface PullIterator<T> {
  readonly iterator: AsyncGenerator<T, undefined, undefined>;
  /** Signals that `take` may return a value now. */
  wake(): void;
  /** Ends the iterator. @param error rejects the pending or the next call of `next` */
  end(error?: Error): void;
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: Error): void;
}

/**
 * Creates an iterator.
 *
 * @param take removes and returns the next value; undefined if there is none yet
 * @param release called once when the iterator ends
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
