/** States of subscribed streams. */
import { expect, test } from "vitest";
import { FIRST_ID } from "../../src/domain/streams/entry-id.ts";
import { createStreamState } from "../../src/live/stream-state.ts";
import { createStreamClasses } from "../../src/observe/stream-classes.ts";
import { hiddenClasses } from "../support/node/hidden-class.ts";

test("the states of all readers share a hidden class, however they begin", () => {
  const counters = createStreamClasses().of("default:a");
  const stream = { key: "default:a", name: "a", cursor: FIRST_ID, isAtEnd: true };
  const states = [
    createStreamState(stream, counters),
    createStreamState({ ...stream, hasGap: true }, counters),
    createStreamState({ birth: 1, ...stream }, counters),
    createStreamState({ ...stream, madeFromTime: FIRST_ID }, counters),
  ];
  for (const state of states) state.lastRead = FIRST_ID;
  expect(hiddenClasses(states)).toBe(1);
});
