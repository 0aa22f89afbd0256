import { describe } from "vitest";
import { judgeTail } from "./tail-suite.ts";

describe("the tracking tail", () => judgeTail("tracking"));
