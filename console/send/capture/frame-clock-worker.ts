/** Worker that sends ticks. Browsers slow down the timers of a page in the background, but not those of its workers. */

/** Message of the page: the interval in ms. */
export type ToFrameClock = number;

addEventListener("message", ({ data: intervalMs }: MessageEvent<ToFrameClock>) => {
  setInterval(() => postMessage(undefined), intervalMs);
});
