import { describe } from "vitest";
import { testTail, type Writer } from "../tail-suite.ts";

describe.each<Writer>(["others", "itself", "both"])("the blocking tail, entries added by %s", (writer) =>
  testTail("blocking", writer),
);
