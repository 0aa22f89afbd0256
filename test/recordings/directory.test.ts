/** Files in the directory of recordings when it cannot be created, and when its disk is full. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createDirectory } from "../../src/recordings/create-directory.ts";
import { overwriteFile } from "../../src/recordings/directory.ts";

const folder = mkdtempSync(join(tmpdir(), "directory-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a directory", () => {
  it("is created with its parents, and may exist", async () => {
    for (let i = 0; i < 2; i++) await createDirectory(join(folder, "a/b/c"), 0o750);
    for (const one of ["a", "a/b", "a/b/c"]) expect(statSync(join(folder, one)).mode & 0o777).toBe(0o750);
  });

  it("that cannot be created is an error", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(createDirectory(join(folder, "file"))).rejects.toThrow(/EEXIST/);
    await expect(createDirectory(join(folder, "file/x"))).rejects.toThrow(/ENOTDIR/);
    await expect(createDirectory("/proc/none/x")).rejects.toThrow(/ENOENT/);
  });
});

describe("a record, when the disk is full,", () => {
  it("is overwritten where it is, as far as its blocks suffice", async () => {
    const path = join(folder, "run.json");
    expect(await overwriteFile(path, Buffer.from("x"))).toBe(false);
    writeFileSync(path, "recording");
    const { blocks, ino } = statSync(path);
    for (const text of ["stopped, and longer than before", "short"]) {
      expect(await overwriteFile(path, Buffer.from(text))).toBe(true);
      expect([readFileSync(path, "utf8"), statSync(path).ino]).toEqual([text, ino]);
    }
    expect(await overwriteFile(path, Buffer.alloc(blocks * 512 + 1))).toBe(false);
    expect(readFileSync(path, "utf8")).toBe("short");
  });
});
