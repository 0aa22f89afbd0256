/** Summary of an MCAP file: records at its end, so that a reader need not read all of it. */
import { crc32Final, crc32Init, crc32Update } from "@foxglove/crc";
import { McapConstants, McapRecordBuilder, type McapTypes } from "@mcap/core";

const { Opcode } = McapConstants;

/** Contents of a file, while it is written or scanned. */
export interface Summary {
  readonly schemas: Map<number, McapTypes.Schema>;
  readonly channels: Map<number, McapTypes.Channel>;
  readonly chunkIndexes: McapTypes.ChunkIndex[];
  readonly metadataIndexes: McapTypes.MetadataIndex[];
  readonly messageCounts: Map<number, bigint>;
  /** Adds a chunk. @param counts number of messages by channel */
  addChunk(index: McapTypes.ChunkIndex, counts: ReadonlyMap<number, number>): void;
}

/** Creates the summary of an empty file. */
export function newSummary(): Summary {
  const chunkIndexes: McapTypes.ChunkIndex[] = [];
  const messageCounts = new Map<number, bigint>();
  return {
    schemas: new Map(),
    channels: new Map(),
    chunkIndexes,
    metadataIndexes: [],
    messageCounts,
    addChunk(index, counts) {
      chunkIndexes.push(index);
      for (const [channel, count] of counts)
        messageCounts.set(channel, (messageCounts.get(channel) ?? 0n) + BigInt(count));
    },
  };
}

function statisticsOf({
  schemas,
  channels,
  chunkIndexes,
  metadataIndexes,
  messageCounts,
}: Summary): McapTypes.Statistics {
  let [messageStartTime, messageEndTime] = [chunkIndexes[0]?.messageStartTime ?? 0n, 0n];
  for (const chunk of chunkIndexes) {
    if (chunk.messageStartTime < messageStartTime) messageStartTime = chunk.messageStartTime;
    if (chunk.messageEndTime > messageEndTime) messageEndTime = chunk.messageEndTime;
  }
  return {
    messageCount: [...messageCounts.values()].reduce((sum, count) => sum + count, 0n),
    schemaCount: schemas.size,
    channelCount: channels.size,
    attachmentCount: 0,
    metadataCount: metadataIndexes.length,
    chunkCount: chunkIndexes.length,
    ...{ messageStartTime, messageEndTime },
    channelMessageCounts: messageCounts,
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
  const group = (groupOpcode: number, write: () => void) => {
    const start = records.length;
    write();
    const groupLength = BigInt(records.length - start);
    if (groupLength > 0n) offsets.push({ groupOpcode, groupStart: position + BigInt(start), groupLength });
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
  group(Opcode.CHUNK_INDEX, () => {
    for (const index of summary.chunkIndexes) records.writeChunkIndex(index);
  });
  const summaryOffsetStart = position + BigInt(records.length);
  for (const offset of offsets) records.writeSummaryOffset(offset);
  const summaryCrc = crc32Final(
    crc32Update(
      crc32Update(crc32Init(), records.buffer.subarray(dataEndBytes)),
      footerStart(summaryStart, summaryOffsetStart),
    ),
  );
  records.writeFooter({ summaryStart, summaryOffsetStart, summaryCrc });
  records.writeMagic();
  return records.buffer;
}

/** Returns the footer up to its CRC, which covers it. */
function footerStart(summaryStart: bigint, summaryOffsetStart: bigint): Uint8Array {
  const footer = new McapRecordBuilder();
  footer.writeFooter({ summaryStart, summaryOffsetStart, summaryCrc: 0 });
  return footer.buffer.subarray(0, footer.length - 4);
}
