import { describe } from "vitest";
import { judgeTail, type Writer } from "../tail-suite.ts";

describe.each<Writer>(["others", "itself", "both"])("the blocking tail, entries added by %s", (writer) =>
  judgeTail("blocking", writer),
);
