/** Leak detector: compares the gateway's gauges, files and Redis keys before and after the attacks. */
import { get } from "node:http";
import type { Server } from "../load/processes/process.ts";
import type { Redis } from "../load/processes/redis.ts";
import { connectionsOf, openFiles } from "./process-sockets.ts";

/** Resources at one moment, by name. */
export type Holdings = ReadonlyMap<string, number>;

/** Gauges that may grow without a leak: bounded caches and runtime measurements. */
const NOT_HELD =
  /^(process_|nodejs_(?!active_))|^redis_streamer_((recent|page_cache|polled|answers_kept|payload_pool)_bytes|redis_ping_seconds)/;
/** The gateway may hold a few more of these after its first work: connections to Redis, timers of caches. */
const SLACK: readonly (readonly [name: RegExp, more: number])[] = [
  [/^file descriptors$|^connections to Redis$/, 4],
  [
    /type="(Timeout|PipeWrap|Immediate|TTYWrap|TCPSocketWrap|TCPServerWrap|FSReqCallback|FSReqPromise)"|^nodejs_active_/,
    6,
  ],
  [/^dedupe records$/, 1000],
];

/** Gateway keys that remain in Redis by design: device names, metadata and event streams. */
const KEPT_KEYS = /^:(devices:(connected$|seen$|meta:)|stream:meta:|event:)/;

function page(port: number, key: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = key === undefined ? {} : { "x-api-key": key };
    get({ host: "127.0.0.1", port, path: "/metrics", headers, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      answer.on("error", reject);
      answer.on("end", () =>
        answer.statusCode === 200 ? resolve(text) : reject(new Error(`/metrics: ${answer.statusCode}`)),
      );
    }).on("error", reject);
  });
}

/** Parses the gauges of a metrics page, each with its labels. */
function gauges(text: string): Map<string, number> {
  const found = new Map<string, number>();
  const names = new Set([...text.matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name = ""]) => name));
  for (const [, name = "", labels = "", value = ""] of text.matchAll(/^([a-z_]+)(\{.*\})? (\S+)$/gm))
    if (names.has(name) && !NOT_HELD.test(name)) found.set(name + labels, Number(value));
  return found;
}

/** Records the current resources. @param key API key of a client that may read metrics */
export async function holdings(gateway: Server, redis: Redis, key: string | undefined): Promise<Holdings> {
  const held = gauges(await page(gateway.port, key));
  held.set("file descriptors", openFiles(gateway.pid));
  held.set("connections of clients", connectionsOf(gateway.pid, gateway.port).size);
  const clients = (await redis.command("CLIENT", "LIST")).match(/name=redis-streamer/g) ?? [];
  held.set("connections to Redis", clients.length);
  const keys = (await redis.command("--scan", "--pattern", ":*")).split("\n").filter((one) => one !== "");
  held.set("dedupe records", keys.filter((one) => one.startsWith(":dedupe:")).length);
  const passing = keys.filter((one) => !one.startsWith(":dedupe:") && !KEPT_KEYS.test(one));
  held.set("keys of tickets and leases", passing.length);
  return held;
}

/** Returns the resources that are held now and were not held before. */
export function leftBehind(before: Holdings, after: Holdings): readonly string[] {
  return [...after].flatMap(([name, now]) => {
    const was = before.get(name) ?? 0;
    const more = SLACK.find(([pattern]) => pattern.test(name))?.[1] ?? 0;
    // Allows for floating-point error in sums of fractions.
    return now > was + more + 0.5 ? [`${name}: ${was} before, ${now} after`] : [];
  });
}

/**
 * Stops all playbacks of recordings, as an operator may. A playback continues as requested after its client has vanished, so it
 * is not a leak.
 */
export async function stopPlaybacks(port: number, key: string | undefined): Promise<void> {
  const url = `http://127.0.0.1:${port}/recordings`;
  const headers = key === undefined ? {} : { "x-api-key": key };
  const list = (await (await fetch(url, { headers })).json()) as readonly { readonly name: string }[];
  for (const { name } of list)
    await fetch(`${url}/${encodeURIComponent(name)}/play/stop`, { method: "POST", headers });
}
