/**
 * HTTP: a polling client that GETs one small entry (100 B) from the beginning of a stream; requests per second over 10
 * kept-alive connections with one request in flight each.
 *
 * Fair because the bare Fastify route responds with a body of the same length and type, on the same version of Fastify,
 * and the same minimal client requests both.
 */
import { formatBusy } from "../load/busy.ts";
import { getRepeatedly } from "../load/http-load.ts";
import { compare } from "../load/rounds.ts";
import { atLeast, type Row, times, whole } from "../row.ts";

const BAR = atLeast(0.6, 0.8);
const BODY_BYTES = 100;
const PATH = "/data/small?last_entry_id=0&count=1";

export const httpGetRow: Row = {
  name: "http-get",
  what: "HTTP GET of a small entry: requests/s",
  ...BAR,
  async measure(stage) {
    const bare = await stage.startFastify(BODY_BYTES);
    const gateway = await stage.startGateway();
    const run = async (name: string, port: number, pids: Record<string, number>) => {
      const { requestsPerSecond, busy } = await getRepeatedly({
        port,
        path: PATH,
        connections: 10,
        bodyBytes: BODY_BYTES,
        measureMs: 2000,
        pids,
      });
      stage.say(`${name}: ${Math.round(requestsPerSecond)} requests/s (${formatBusy(busy)})`);
      return requestsPerSecond;
    };
    try {
      await stage.redis.command("XADD", "default:small", "*", "d", "x".repeat(BODY_BYTES));
      const { reference, ours, ratio } = await compare(
        stage.rounds,
        () => run("fastify", bare.port, { fastify: bare.pid }),
        () => run("gateway", gateway.port, { gateway: gateway.pid, redis: stage.redis.pid }),
      );
      return {
        reference: `Fastify ${whole(reference)}`,
        ours: whole(ours),
        ratio: times(ratio),
        verdict: BAR.judge(ratio),
      };
    } finally {
      await Promise.all([bare.stop(), gateway.stop()]);
    }
  },
};
