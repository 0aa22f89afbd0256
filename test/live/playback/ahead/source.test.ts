/** Streams of a playback. */
import { expect, test } from "vitest";
import { FIRST_ID } from "../../../../src/domain/streams/entry-id.ts";
import { openSource } from "../../../../src/live/playback/ahead/source.ts";
import { createStreamState } from "../../../../src/live/stream-state.ts";
import { createStreamClasses } from "../../../../src/observe/stream-classes.ts";
import { hiddenClasses } from "../../../support/node/hidden-class.ts";

test("the streams of all playbacks share a hidden class", () => {
  const counters = createStreamClasses().of("default:a");
  const state = createStreamState(
    { key: "default:a", name: "a", cursor: FIRST_ID, isAtEnd: false },
    counters,
  );
  expect(hiddenClasses(Array.from({ length: 1000 }, () => openSource(state)))).toBe(1);
});
