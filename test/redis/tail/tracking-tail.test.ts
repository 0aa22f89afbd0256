import { describe } from "vitest";
import { testTail, type Writer } from "../tail-suite.ts";

describe.each<Writer>(["others", "itself", "both"])("the tracking tail, entries added by %s", (writer) =>
  testTail("tracking", writer),
);
