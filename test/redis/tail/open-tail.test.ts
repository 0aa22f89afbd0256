/** `REDIS_TAIL=auto` on servers that cannot do tracking: the same promises. */
import { describe } from "vitest";
import { judgeTail } from "../tail-suite.ts";

describe("the tail of a server without RESP3", () =>
  judgeTail("auto", "both", "--rename-command", "HELLO", ""));
describe("the tail of a user who may not track", () =>
  judgeTail("auto", "both", "--user", "default", "on", "nopass", "~*", "&*", "+@all", "-client|tracking"));
