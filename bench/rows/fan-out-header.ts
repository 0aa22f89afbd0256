/**
 * Fan-out in the two-message form: like the row before, but the gateway sends each entry as a JSON header and a payload
 * (`header=1&count=1`), which doubles the number of messages. The relay still sends the payload only.
 *
 * Fair for the reasons of the row before; an entry counts once, when its payload arrives after its header.
 */
import { fanOutAgainstRelay } from "../load/against-relay.ts";
import { atLeast, type Row, times, whole } from "../row.ts";

const BAR = atLeast(4, 10);

export const fanOutHeaderRow: Row = {
  name: "fan-out-header",
  what: "the same with the two-message header: delivered/s",
  ...BAR,
  async measure(stage) {
    const { reference, ours, ratio } = await fanOutAgainstRelay(stage, {
      pullQuery: "header=1&count=1",
      readers: 100,
      entryBytes: 100,
      window: 4096,
      maxLength: 20_000,
      napMs: 4,
      measureMs: 2000,
    });
    return {
      reference: `relay ${whole(reference)}`,
      ours: whole(ours),
      ratio: times(ratio),
      verdict: BAR.judge(ratio),
    };
  },
};
