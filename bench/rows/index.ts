/** All rows, in the order of the table. */
import type { Row } from "../row.ts";
import { catchUpRow } from "./catch-up.ts";
import { fanOutRow } from "./fan-out.ts";
import { fanOutHeaderRow } from "./fan-out-header.ts";
import { fanOutLargeRow } from "./fan-out-large.ts";
import { floodsRow } from "./floods.ts";
import { graphqlStreamsRow } from "./graphql-streams.ts";
import { guardedFanOutRow, guardedPushRow } from "./guarded.ts";
import { httpGetRow } from "./http-get.ts";
import { idleMemoryRow } from "./idle-memory.ts";
import { latencyRow } from "./latency.ts";
import { manyStreamsRow } from "./many-streams.ts";
import { pushAckedRow } from "./push-acked.ts";
import { pushLargeRow } from "./push-large.ts";
import { redisConnectionsRow } from "./redis-connections.ts";
import { stuckReaderRow } from "./stuck-reader.ts";

export const ROWS: readonly Row[] = [
  fanOutRow,
  fanOutHeaderRow,
  fanOutLargeRow,
  pushAckedRow,
  pushLargeRow,
  latencyRow,
  idleMemoryRow,
  redisConnectionsRow,
  stuckReaderRow,
  manyStreamsRow,
  catchUpRow,
  httpGetRow,
  guardedFanOutRow,
  guardedPushRow,
  floodsRow,
  graphqlStreamsRow,
];
