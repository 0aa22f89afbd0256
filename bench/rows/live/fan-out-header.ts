/**
 * Fan-out in the two-message form: like the row before, but the gateway sends each entry as a JSON header and a payload
 * (`header=1&count=1`), which doubles the number of messages. The relay still sends the payload only.
 *
 * Fair for the reasons of the row before; an entry counts once, when its payload arrives after its header.
 */
import { compareFanOut } from "../../load/compare-fan-out.ts";
import { atLeast, type Row, ratioCell, whole } from "../../row.ts";

const BAR = atLeast(4, 10);

export const fanOutHeaderRow: Row = {
  name: "fan-out-header",
  what: "fan-out with the two-message header: delivered/s",
  ...BAR,
  async measure(stage) {
    const comparison = await compareFanOut(stage, {
      against: "relay",
      pullQuery: "header=1&count=1",
      readers: 100,
      entryBytes: 100,
      window: 4096,
      maxLength: 20_000,
      sleepMs: 4,
      measureMs: 1500,
    });
    return {
      reference: `relay ${whole(comparison.reference)}`,
      ours: whole(comparison.ours),
      ratio: ratioCell(comparison),
      verdict: BAR.judge(comparison.ratio),
    };
  },
};
