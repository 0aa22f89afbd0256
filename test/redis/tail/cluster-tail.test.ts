import { describe } from "vitest";
import { judgeTail } from "../tail-suite.ts";

describe("the tail of a cluster, of one node", () => judgeTail("cluster", "both"));
