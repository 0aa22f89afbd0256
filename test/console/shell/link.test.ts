/** Link of the open panes and the shown moment. */
import { expect, test } from "vitest";
import { linkOf } from "../../../console/shell/link.ts";
import { Layout } from "../../../console/workspace/layout.ts";
import { parseLayout, parseTime } from "../../../console/workspace/layout-link.ts";

const OPEN = "#open=rover%3Acamera&view=image";
const layout = new Layout(parseLayout(OPEN), () => undefined);

test("has the shown moment of the past, whichever one the address has", () => {
  const link = linkOf({ clock: { moment: "1700000000123-4" }, layout }, `http://gateway/base/${OPEN}&t=1`);
  expect(link).toBe(`http://gateway/base/${OPEN}&t=1700000000123-4`);
  expect(parseTime(new URL(link).hash)).toBe("1700000000123-4");
});

test("has no moment while live", () => {
  expect(linkOf({ clock: { moment: "live" }, layout }, `http://gateway/${OPEN}&t=1`)).toBe(
    `http://gateway/${OPEN}`,
  );
});
