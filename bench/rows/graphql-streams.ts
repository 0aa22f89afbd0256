/**
 * GraphQL: `{ streams { id length meta } }` over 1,000 streams with metadata each; time per query over HTTP, one query at
 * a time.
 *
 * The comparison is fair because the reference needs two writes to Redis, too, of which the second depends on the first reply.
 * It sends what a program without the gateway would: a `GET` and an `XLEN` for each stream. It decodes the replies and discards
 * them, like the client discards the gateway's responses. Both are called from this process.
 */

import { createJsonPoster } from "../load/clients/http-post.ts";
import { compare } from "../load/measurement/rounds.ts";
import { median } from "../load/measurement/statistics.ts";
import { openPipelined } from "../reference/pipelined.ts";
import { atMost, type Row, ratioCell } from "../row.ts";

const BAR = atMost(2.5, 2, "×");
const STREAMS = 1000;
const QUERIES = 200;
/** Minimum length of one stream in the response. */
const BYTES_PER_STREAM = 50;
const QUERY = "{ streams { id length meta } }";

export const graphqlStreamsRow: Row = {
  name: "graphql-streams",
  what: "GraphQL list of 1,000 streams with length and metadata: ms",
  ...BAR,
  async measure(stage) {
    const gateway = await stage.startGateway();
    const straight = openPipelined({ path: stage.redis.socketPath });
    const keys = Array.from({ length: STREAMS }, (_, i) => `device-${i % 20}:stream-${i}`);
    const list = [
      ["SCAN", "0", "COUNT", "20000", "TYPE", "stream"],
      ["SCAN", "0", "COUNT", "20000", "TYPE", "string", "MATCH", ":stream:meta:*"],
    ];
    const details = [
      ...keys.map((key) => ["GET", `:stream:meta:${key}`]),
      ...keys.map((key) => ["XLEN", key]),
    ];
    const askRedis = async () => {
      await straight.ask(list);
      await straight.ask(details);
    };
    const poster = createJsonPoster(gateway.port, "/graphql", JSON.stringify({ query: QUERY }));
    const askGateway = async () => {
      const bytes = await poster.post();
      if (bytes < STREAMS * BYTES_PER_STREAM) throw new Error(`the response is too short: ${bytes} bytes`);
    };
    const run = async (name: string, ask: () => Promise<void>) => {
      const spent: number[] = [];
      for (let i = 0; i < QUERIES; i++) {
        const from = performance.now();
        await ask();
        spent.push(performance.now() - from);
      }
      const ms = median(spent);
      stage.say(`${name}: ${ms.toFixed(2)} ms`);
      return ms;
    };
    try {
      await straight.ask(
        keys.flatMap((key, i) => [
          ["XADD", key, "*", "d", "x"],
          ["SET", `:stream:meta:${key}`, JSON.stringify({ format: "jpeg", number: i })],
        ]),
      );
      await run("warming up", askGateway);
      const { reference, ours, ratio, ratios } = await compare(
        stage.rounds,
        () => run("straight", askRedis),
        () => run("gateway", askGateway),
      );
      return {
        reference: `straight ${reference.toFixed(2)}`,
        ours: ours.toFixed(2),
        ratio: ratioCell({ ratio, ratios }),
        verdict: BAR.judge(ratio),
      };
    } finally {
      straight.close();
      poster.close();
      await gateway.stop();
    }
  },
};
