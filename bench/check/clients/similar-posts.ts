/** Posts with `dedupe` to two streams whose name and dedupe key are equal when joined. Each post must be stored exactly once. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../random.ts";
import { type NamedEntry, payloadOf, type SimilarPost } from "../verdict/history.ts";

/** The running posts. */
export interface SimilarPosts {
  readonly posts: readonly SimilarPost[];
  settle(): Promise<void>;
}

const SIMILAR_STREAMS = [
  { device: "{cam", stream: "front}:run", dedupe: (number: number) => String(number) },
  { device: "cam", stream: "front", dedupe: (number: number) => `run:${number}` },
] as const;

/** Stream keys of the two streams. */
export const SIMILAR_KEYS: readonly string[] = SIMILAR_STREAMS.map(
  ({ device, stream }) => `${device}:${stream}`,
);

/** Starts the posts. @param port returns the port of a gateway */
export function startSimilarPosts(port: (gateway: number) => number, random: Random): SimilarPosts {
  const posts: SimilarPost[] = [];
  let isEnding = false;

  async function post(number: number, target: (typeof SIMILAR_STREAMS)[number]): Promise<void> {
    const key = `${target.device}.${number}`;
    const query = new URLSearchParams({
      device_id: target.device,
      dedupe: target.dedupe(number),
      dedupe_from: "0",
      format: "raw",
    });
    const path = `/data/${encodeURIComponent(target.stream)}?${query}`;
    // Repeated through the next gateway until it is acknowledged.
    for (let gateway = number; !isEnding; gateway++) {
      const answer = await fetch(`http://127.0.0.1:${port(gateway)}${path}`, {
        method: "POST",
        headers: { "content-type": "application/octet-stream" },
        body: payloadOf(key, 40),
        signal: AbortSignal.timeout(15_000),
      }).catch(() => undefined);
      if (answer?.ok === true) {
        const [id] = (await answer.json().catch(() => [])) as unknown[];
        if (typeof id === "string") posts.push({ streamKey: `${target.device}:${target.stream}`, key, id });
        return;
      }
      await sleep(100);
    }
  }

  async function run(): Promise<void> {
    for (let number = 0; !isEnding; number++) {
      for (const target of SIMILAR_STREAMS) await post(number, target);
      await sleep(random.between(10, 100));
    }
  }

  const running = run();
  return {
    posts,
    async settle() {
      isEnding = true;
      await running;
    },
  };
}

/** Returns the problems of the posts. @param committed all entries that the store ever had, by stream key */
export function wrongInSimilarPosts(
  committed: ReadonlyMap<string, readonly NamedEntry[]>,
  posts: readonly SimilarPost[],
): string[] {
  const wrong: string[] = [];
  for (const { streamKey, key, id } of posts) {
    const found = (committed.get(streamKey) ?? []).filter((entry) => entry.key === key);
    const ids = found.map((entry) => entry.id);
    if (found.length !== 1 || ids[0] !== id)
      wrong.push(
        `${streamKey}: ${key} was acknowledged as ${id}, and is stored as ${ids.join(" and ") || "nothing"}`,
      );
  }
  return wrong;
}
