/** Command palette without a page: matching, moving, and running. */
import { signal } from "@preact/signals";
import { expect, test } from "vitest";
import { type Command, matching, Palette } from "../../../console/shell/palette/palette.ts";

const command = (title: string, run: Command["run"] = () => undefined): Command => ({
  id: title,
  title,
  icon: "activity",
  run,
});
const titles = (commands: readonly Command[]) => commands.map(({ title }) => title);

test("finds commands by all words, in any order, those at the start of words first", () => {
  const commands = [command("Open rover:analog"), command("Theme: dark"), command("Open rover:log")];
  expect(titles(matching(commands, ""))).toEqual(titles(commands));
  expect(titles(matching(commands, "LOG open"))).toEqual(["Open rover:log", "Open rover:analog"]);
  expect(titles(matching(commands, "rover:log"))).toEqual(["Open rover:log"]);
  expect(matching(commands, "open nothing")).toEqual([]);
});

test("moves around the ends of the list; a changed text begins at the top", () => {
  const palette = new Palette(signal(["a", "ab", "abc"].map((title) => command(title))));
  palette.move(-1);
  expect(palette.active.value).toBe(2);
  palette.move(1);
  expect(palette.active.value).toBe(0);
  palette.moveToEnd("last");
  expect(palette.active.value).toBe(2);
  palette.type("ab");
  expect(titles(palette.found.value)).toEqual(["ab", "abc"]);
  expect(palette.active.value).toBe(0);
  palette.type("x");
  palette.move(1);
  expect(palette.active.value).toBe(0);
});

test("the active position stays in a list that becomes shorter, and the list is bounded", () => {
  const commands = signal(Array.from({ length: 200 }, (_, n) => command(`stream ${n}`)));
  const palette = new Palette(commands);
  palette.moveToEnd("last");
  expect([palette.found.value.length, palette.active.value]).toEqual([50, 49]);
  commands.value = commands.value.slice(0, 3);
  expect(palette.active.value).toBe(2);
});

test("runs the active command, and reports its error until the text changes", async () => {
  const ran: string[] = [];
  const palette = new Palette(
    signal([
      command("good", () => void ran.push("good")),
      command("bad", async () => {
        throw new Error("not permitted to record");
      }),
    ]),
  );
  expect(await palette.run()).toBe(true);
  expect(ran).toEqual(["good"]);
  palette.move(1);
  expect(await palette.run()).toBe(false);
  expect(palette.problem.value).toBe("not permitted to record");
  palette.type("zzz");
  expect([palette.problem.value, await palette.run()]).toEqual(["", false]);
});
