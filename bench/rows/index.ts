/** All rows, in the order of the table. */
import type { Row } from "../row.ts";
import { floodsRow } from "./floods.ts";
import { graphqlStreamsRow } from "./graphql-streams.ts";
import { guardedFanOutRow, guardedPushRow } from "./guarded.ts";
import { idleMemoryRow } from "./idle-memory.ts";
import { fanOutNatsRow, fanOutRow } from "./live/fan-out.ts";
import { fanOutHeaderRow } from "./live/fan-out-header.ts";
import { fanOutLargeNatsRow, fanOutLargeRow } from "./live/fan-out-large.ts";
import { foxgloveRows } from "./live/foxglove.ts";
import { foxgloveDelayRow } from "./live/foxglove-delay.ts";
import { foxgloveMixedRow } from "./live/foxglove-mixed.ts";
import { foxgloveStalledRow } from "./live/foxglove-stalled.ts";
import { latencyNatsRow, latencyRow } from "./live/latency.ts";
import { manyStreamsRows } from "./live/many-streams.ts";
import { patternRows } from "./live/patterns.ts";
import { pythonPullLargeRow, pythonPullRow, pythonPushRow } from "./python.ts";
import { redisConnectionsRow } from "./redis-connections.ts";
import { catchUpRow } from "./stored/catch-up.ts";
import { httpGetRow } from "./stored/http-get.ts";
import { playbackRow } from "./stored/playback.ts";
import { playbacksRows } from "./stored/playbacks.ts";
import { recordingRows } from "./stored/recordings.ts";
import { pushAckedRow } from "./storing/push-acked.ts";
import { pushJetStreamRow } from "./storing/push-jetstream.ts";
import { pushLargeRow } from "./storing/push-large.ts";
import { workRow } from "./storing/work.ts";
import { stuckReaderRow } from "./stuck-reader.ts";

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
  ...recordingRows,
  workRow,
  httpGetRow,
  guardedFanOutRow,
  guardedPushRow,
  floodsRow,
  graphqlStreamsRow,
  ...patternRows,
  ...foxgloveRows,
  foxgloveMixedRow,
  foxgloveDelayRow,
  foxgloveStalledRow,
  pythonPullRow,
  pythonPullLargeRow,
  pythonPushRow,
];
