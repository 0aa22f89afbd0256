/** `REDIS_TAIL=auto` on servers without client tracking: the guarantees are the same. */
import { describe } from "vitest";
import { testTail } from "../tail-suite.ts";

describe("the tail of a server without RESP3", () =>
  testTail("auto", "both", "--rename-command", "HELLO", ""));
describe("the tail of a user without permission to track", () =>
  testTail("auto", "both", "--user", "default", "on", "nopass", "~*", "&*", "+@all", "-client|tracking"));
