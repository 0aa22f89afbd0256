/**
 * HTTP: a polling client that GETs one small entry (100 B) from the beginning of a stream; requests per second over 10
 * kept-alive connections with one request in flight each. The ratio is to a bare Fastify route; webdis, which reads a value
 * from Redis for each request, is measured in the same rounds for comparison.
 *
 * The comparison is fair because all respond with a body of the same length, the bare route on the same version of Fastify;
 * because the same minimal client requests all of them; and because each is warmed up by a run that is not counted. webdis
 * reads a string (`GET`), because it cannot return the nested reply of `XRANGE`.
 */

import { getRepeatedly } from "../../load/clients/http-load.ts";
import type { Pids } from "../../load/measurement/busy.ts";
import { formatBusy } from "../../load/measurement/busy.ts";
import { comparisonOf, measureInTurns } from "../../load/measurement/rounds.ts";
import { median } from "../../load/measurement/statistics.ts";
import type { Server } from "../../load/processes/process.ts";
import { atLeast, type Row, ratioCell, whole } from "../../row.ts";

const BAR = atLeast(0.6, 0.8);
const BODY_BYTES = 100;
const ENTRY = "x".repeat(BODY_BYTES);
const PATH = "/data/small?last_entry_id=0&count=1";
/** The value as the body, without conversion to JSON. */
const WEBDIS_PATH = "/GET/small-value.txt";

export const httpGetRow: Row = {
  name: "http-get",
  what: "HTTP GET of a small entry: requests/s",
  ...BAR,
  async measure(stage) {
    const bare = await stage.startFastify(BODY_BYTES);
    const webdis = await stage.startWebdis();
    const gateway = await stage.startGateway();
    await stage.redis.command("XADD", "default:small", "*", "d", ENTRY);
    await stage.redis.command("SET", "small-value", ENTRY);
    const redis = stage.redis.pid;
    const run =
      (name: string, { port }: Server, path: string, pids: Pids) =>
      async () => {
        const { requestsPerSecond, busy } = await getRepeatedly({
          port,
          path,
          connections: 10,
          bodyBytes: BODY_BYTES,
          measureMs: 1500,
          pids,
        });
        stage.say(`${name}: ${Math.round(requestsPerSecond)} requests/s (${formatBusy(busy)})`);
        return requestsPerSecond;
      };
    const sides = [
      run("fastify", bare, PATH, { fastify: bare.pid }),
      run("webdis", webdis, WEBDIS_PATH, { webdis: webdis.pid, redis }),
      run("gateway", gateway, PATH, { gateway: gateway.pid, redis }),
    ];
    try {
      for (const warmUp of sides) await warmUp();
      const [theirs = [], webdisRates = [], our = []] = await measureInTurns(stage.rounds, sides);
      const comparison = comparisonOf(theirs, our);
      return {
        reference: `Fastify ${whole(comparison.reference)}, webdis ${whole(median(webdisRates))}`,
        ours: whole(comparison.ours),
        ratio: ratioCell(comparison),
        verdict: BAR.judge(comparison.ratio),
      };
    } finally {
      await Promise.all([bare.stop(), webdis.stop(), gateway.stop()]);
    }
  },
};
