import { describe } from "vitest";
import { testTail } from "../tail-suite.ts";

describe("the tail of a cluster, of one node", () => testTail("cluster", "both"));
