import { describe } from "vitest";
import { judgeTail } from "./tail-suite.ts";

describe("the blocking tail", () => judgeTail("blocking"));
