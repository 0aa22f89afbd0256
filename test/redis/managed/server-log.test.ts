/** Lines as redis-server 7.0, redis-server 7.4 and valkey-server 8 write them. */
import { describe, expect, it } from "vitest";
import { readServerLine } from "../../../src/redis/managed/server-log.ts";

describe("readServerLine", () => {
  it.each([
    ["1:M 23 Nov 2026 23:45:44.123 * Ready to accept connections unix", "Ready to accept connections unix"],
    [
      "1:M 23 Nov 2026 23:45:44.123 - DB 0: 1 keys (0 volatile) in 4 slots HT.",
      "DB 0: 1 keys (0 volatile) in 4 slots HT.",
    ],
    ["12345:C 01 Jan 2027 00:00:00.000 . a detail", "a detail"],
    [
      "1:C 23 Nov 2026 23:45:44.123 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo",
      "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo",
    ],
    [
      "1:C 23 Nov 2026 23:45:44.123 # Valkey version=8.0.1, bits=64, just started",
      "Valkey version=8.0.1, bits=64, just started",
    ],
    [
      "1:M 23 Nov 2026 23:45:44.123 # Redis is now ready to exit, bye bye...",
      "Redis is now ready to exit, bye bye...",
    ],
    [
      "1:M 23 Nov 2026 23:45:44.123 # WARNING Memory overcommit must be enabled! More",
      "WARNING Memory overcommit must be enabled! More",
    ],
    [
      "77:signal-handler (1795477544) Received SIGTERM scheduling shutdown...",
      "Received SIGTERM scheduling shutdown...",
    ],
  ])("takes %j for routine", (line, message) => {
    expect(readServerLine(line)).toEqual({ level: "debug", message });
  });

  it.each([
    [
      "1:M 23 Nov 2026 23:45:44.123 # Can't open or create append-only dir x: Permission denied",
      "Can't open or create append-only dir x: Permission denied",
    ],
    [
      "1:M 23 Nov 2026 23:45:44.123 # Error writing to the AOF file: No space left on device",
      "Error writing to the AOF file: No space left on device",
    ],
    ["1:M 23 Nov 2026 23:45:44.123 # a # in * the - text", "a # in * the - text"],
    ["*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***", "*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***"],
    [
      "=== REDIS BUG REPORT START: Cut & paste starting from here ===",
      "=== REDIS BUG REPORT START: Cut & paste starting from here ===",
    ],
  ])("takes %j for alarming", (line, message) => {
    expect(readServerLine(line)).toEqual({ level: "warn", message });
  });
});
