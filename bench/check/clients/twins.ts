/** Posts with `dedupe` to two streams whose name and dedupe key are equal when joined. Each post must be stored exactly once. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../random.ts";
import { type NamedEntry, payloadOf, type TwinPost } from "../verdict/history.ts";

/** The running posts. */
export interface Twins {
  readonly posts: readonly TwinPost[];
  settle(): Promise<void>;
}

const TWINS = [
  { device: "{cam", stream: "front}:run", dedupe: (number: number) => String(number) },
  { device: "cam", stream: "front", dedupe: (number: number) => `run:${number}` },
] as const;

/** Stream keys of the two streams. */
export const TWIN_KEYS: readonly string[] = TWINS.map(({ device, stream }) => `${device}:${stream}`);

/** Starts the posts. @param port returns the port of a gateway */
export function startTwins(port: (gateway: number) => number, random: Random): Twins {
  const posts: TwinPost[] = [];
  let isEnding = false;

  async function post(number: number, twin: (typeof TWINS)[number]): Promise<void> {
    const key = `${twin.device}.${number}`;
    const query = new URLSearchParams({
      device_id: twin.device,
      dedupe: twin.dedupe(number),
      dedupe_from: "0",
      format: "raw",
    });
    const path = `/data/${encodeURIComponent(twin.stream)}?${query}`;
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
        if (typeof id === "string") posts.push({ streamKey: `${twin.device}:${twin.stream}`, key, id });
        return;
      }
      await sleep(100);
    }
  }

  async function run(): Promise<void> {
    for (let number = 0; !isEnding; number++) {
      for (const twin of TWINS) await post(number, twin);
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
export function wrongInTwins(
  committed: ReadonlyMap<string, readonly NamedEntry[]>,
  posts: readonly TwinPost[],
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
