import { describe } from "vitest";
import { judgeTail, type Writer } from "../tail-suite.ts";

describe.each<Writer>(["others", "itself", "both"])("the tracking tail, entries added by %s", (writer) =>
  judgeTail("tracking", writer),
);
