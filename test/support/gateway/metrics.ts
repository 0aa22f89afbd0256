/** Metrics of a gateway. */

import { request } from "../clients/http.ts";
import type { TestGateway } from "./gateway.ts";

/** Returns the value of a metric; NaN if there is none. @param name without `redis_streamer_`, with labels if it has some */
export async function metricOf({ http }: Pick<TestGateway, "http">, name: string): Promise<number> {
  const { text } = await request(`${http}/metrics`);
  const start = `redis_streamer_${name} `;
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(start))
      ?.slice(start.length),
  );
}
