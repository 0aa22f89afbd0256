/** All rows, in the order of the table. */
import type { Row } from "../row.ts";
import { catchUpRow } from "./catch-up.ts";
import { fanOutNatsRow, fanOutRow } from "./fan-out.ts";
import { fanOutHeaderRow } from "./fan-out-header.ts";
import { fanOutLargeNatsRow, fanOutLargeRow } from "./fan-out-large.ts";
import { floodsRow } from "./floods.ts";
import { foxgloveRows } from "./foxglove.ts";
import { graphqlStreamsRow } from "./graphql-streams.ts";
import { guardedFanOutRow, guardedPushRow } from "./guarded.ts";
import { httpGetRow } from "./http-get.ts";
import { idleMemoryRow } from "./idle-memory.ts";
import { latencyNatsRow, latencyRow } from "./latency.ts";
import { manyStreamsRows } from "./many-streams.ts";
import { patternRows } from "./patterns.ts";
import { playbackRow } from "./playback.ts";
import { playbacksRows } from "./playbacks.ts";
import { pushAckedRow } from "./push-acked.ts";
import { pushJetStreamRow } from "./push-jetstream.ts";
import { pushLargeRow } from "./push-large.ts";
import { pythonPullLargeRow, pythonPullRow, pythonPushRow } from "./python.ts";
import { redisConnectionsRow } from "./redis-connections.ts";
import { stuckReaderRow } from "./stuck-reader.ts";
import { workRow } from "./work.ts";

export const ROWS: readonly Row[] = [
  fanOutRow,
  fanOutNatsRow,
  fanOutHeaderRow,
  fanOutLargeRow,
  fanOutLargeNatsRow,
  pushAckedRow,
  pushJetStreamRow,
  pushLargeRow,
  latencyRow,
  latencyNatsRow,
  idleMemoryRow,
  redisConnectionsRow,
  stuckReaderRow,
  ...manyStreamsRows,
  catchUpRow,
  playbackRow,
  ...playbacksRows,
  workRow,
  httpGetRow,
  guardedFanOutRow,
  guardedPushRow,
  floodsRow,
  graphqlStreamsRow,
  ...patternRows,
  ...foxgloveRows,
  pythonPullRow,
  pythonPullLargeRow,
  pythonPushRow,
];
