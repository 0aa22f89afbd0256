import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { filesWithEntries } from "../../../bench/check/recordings.ts";
import type { FileStatus } from "../../../src/recordings/recording-status.ts";
import { WrittenFile } from "../../../src/recordings/thread/written-file.ts";
import { NO_COMPRESSION } from "../../../src/wire/mcap/mcap-writer.ts";

const dir = mkdtempSync(join(tmpdir(), "check-recordings-"));
afterAll(() => rmSync(dir, { recursive: true }));

test("a listed file that does not exist, or has no chunk, has no entries", async () => {
  const written = (file: string) =>
    new WrittenFile(
      { library: "test", compression: "none", path: join(dir, file) },
      NO_COMPRESSION,
      () => undefined,
    );
  written("begun.mcap").abort();
  written("finished.mcap").end();
  writeFileSync(join(dir, "empty.mcap"), "");
  const files = ["finished", "begun", "empty", "absent"].map(
    (name): FileStatus => ({
      ...{ file: `${name}.mcap`, state: "damaged", bytes: 0, entries: 0 },
      ...{ from: null, to: null, gaps: 0 },
    }),
  );
  expect((await filesWithEntries({ files }, dir)).map(({ file }) => file)).toEqual(["finished.mcap"]);
});
