/** Timeout of a promise. */

/**
 * Waits for a promise, at most `ms`. The promise itself is not cancelled.
 *
 * @returns its value; undefined after `ms`
 * @throws its error
 */
export async function within<T>(ms: number, promise: PromiseLike<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
