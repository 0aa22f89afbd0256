/** Functions that close the parts of a gateway. Parts are closed in reverse order of their start. */

/** Each part adds the function that closes it as soon as it is started. */
export type Closers = (() => Promise<void> | void)[];

/** Closes all parts, the last one first. */
export async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.toReversed()) await close();
}
