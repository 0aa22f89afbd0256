/** Summary of an MCAP file: records at its end, so that a reader need not read all of it. */
import { crc32Final, crc32Init, crc32Update } from "@foxglove/crc";
import { McapConstants, McapRecordBuilder, type McapTypes } from "@mcap/core";

const { Opcode } = McapConstants;

/** Contents of a file, while it is written or scanned. */
export interface Summary {
  readonly schemas: Map<number, McapTypes.Schema>;
  readonly channels: Map<number, McapTypes.Channel>;
  readonly metadataIndexes: McapTypes.MetadataIndex[];
  readonly chunks: ChunkSummary;
  /** Adds a chunk. @param counts number of messages by channel */
  addChunk(index: McapTypes.ChunkIndex, counts: ReadonlyMap<number, number>): void;
}

/** Facts about all chunks. */
interface ChunkSummary {
  count: number;
  /** Earliest and latest time of a message. */
  startTime: bigint;
  endTime: bigint;
  readonly messageCounts: Map<number, number>;
  /** Their indexes as records: as objects, those of a long file with many channels would take several times as much memory. */
  readonly indexes: McapRecordBuilder;
}

/** Creates the summary of an empty file. */
export function newSummary(): Summary {
  const messageCounts = new Map<number, number>();
  const chunks: ChunkSummary = {
    ...{ count: 0, startTime: 0n, endTime: 0n, messageCounts },
    indexes: new McapRecordBuilder(),
  };
  return {
    ...{ schemas: new Map(), channels: new Map(), metadataIndexes: [], chunks },
    addChunk(index, counts) {
      const { messageStartTime, messageEndTime } = index;
      if (chunks.count === 0 || messageStartTime < chunks.startTime) chunks.startTime = messageStartTime;
      if (messageEndTime > chunks.endTime) chunks.endTime = messageEndTime;
      chunks.count++;
      chunks.indexes.writeChunkIndex(index);
      for (const [channel, count] of counts)
        messageCounts.set(channel, (messageCounts.get(channel) ?? 0) + count);
    },
  };
}

function statisticsOf({ schemas, channels, chunks, metadataIndexes }: Summary): McapTypes.Statistics {
  const { count, startTime, endTime, messageCounts } = chunks;
  return {
    messageCount: BigInt([...messageCounts.values()].reduce((sum, one) => sum + one, 0)),
    schemaCount: schemas.size,
    channelCount: channels.size,
    attachmentCount: 0,
    metadataCount: metadataIndexes.length,
    chunkCount: count,
    ...{ messageStartTime: startTime, messageEndTime: endTime },
    channelMessageCounts: new Map(Array.from(messageCounts, ([channel, one]) => [channel, BigInt(one)])),
  };
}

/**
 * Encodes the end of a file: the end of the data, the summary, its offsets and the footer.
 *
 * @param position size of the file so far
 * @param dataCrc CRC of the file so far; 0 if it is not known
 */
export function encodeSummary(summary: Summary, position: bigint, dataCrc: number): Uint8Array {
  const records = new McapRecordBuilder();
  records.writeDataEnd({ dataSectionCrc: dataCrc });
  const dataEndBytes = records.length;
  const summaryStart = position + BigInt(dataEndBytes);
  const offsets: McapTypes.SummaryOffset[] = [];
  const addOffset = (groupOpcode: number, start: number, end: number) => {
    const groupLength = BigInt(end - start);
    if (groupLength > 0n) offsets.push({ groupOpcode, groupStart: position + BigInt(start), groupLength });
  };
  const group = (groupOpcode: number, write: () => void) => {
    const start = records.length;
    write();
    addOffset(groupOpcode, start, records.length);
  };
  group(Opcode.SCHEMA, () => {
    for (const schema of summary.schemas.values()) records.writeSchema(schema);
  });
  group(Opcode.CHANNEL, () => {
    for (const channel of summary.channels.values()) records.writeChannel(channel);
  });
  group(Opcode.STATISTICS, () => {
    records.writeStatistics(statisticsOf(summary));
  });
  group(Opcode.METADATA_INDEX, () => {
    for (const index of summary.metadataIndexes) records.writeMetadataIndex(index);
  });
  const start = records.buffer;
  const chunkIndexes = summary.chunks.indexes.buffer;
  const end = start.length + chunkIndexes.length;
  addOffset(Opcode.CHUNK_INDEX, start.length, end);
  records.reset();
  for (const offset of offsets) records.writeSummaryOffset(offset);
  const summaryOffsetStart = position + BigInt(end);
  const covered = [
    start.subarray(dataEndBytes),
    chunkIndexes,
    records.buffer,
    footerStart(summaryStart, summaryOffsetStart),
  ];
  const summaryCrc = crc32Final(covered.reduce((crc, bytes) => crc32Update(crc, bytes), crc32Init()));
  records.writeFooter({ summaryStart, summaryOffsetStart, summaryCrc });
  records.writeMagic();
  const bytes = new Uint8Array(end + records.length);
  bytes.set(start);
  bytes.set(chunkIndexes, start.length);
  bytes.set(records.buffer, end);
  return bytes;
}

/** Returns the footer up to its CRC, which covers it. */
function footerStart(summaryStart: bigint, summaryOffsetStart: bigint): Uint8Array {
  const footer = new McapRecordBuilder();
  footer.writeFooter({ summaryStart, summaryOffsetStart, summaryCrc: 0 });
  return footer.buffer.subarray(0, footer.length - 4);
}
