/** Layouts as files, also damaged ones. */
import { expect, test } from "vitest";
import { formatLayoutFile, parseLayoutFile, readLayoutFile } from "../../../console/workspace/layout-file.ts";
import { formatLayout, parseLayout } from "../../../console/workspace/layout-link.ts";

const LINK =
  "show=events&open=rover%3Aimu&view=plot&line=r0%3Ax&of=rover%3Agps&open=b&grid=h(0!*300,1!.2*700)*1000";
const fileOf = (value: unknown) => JSON.stringify(value);
const valid = { type: "redis-streamer-layout", version: 1, link: LINK };

test("a file keeps panels, panes, plots and arrangement", () => {
  const text = formatLayoutFile(parseLayout(`#${LINK}`));
  expect(formatLayout(parseLayoutFile("a.json", text))).toBe(LINK);
});

test.each([
  ["", "a.json is damaged: it is not valid JSON."],
  [formatLayoutFile(parseLayout(`#${LINK}`)).slice(0, 80), "a.json is damaged: it is not valid JSON."],
  ["null", "a.json is not a layout of this console."],
  ['{"globals":{}}', "a.json is not a layout of this console."],
  [fileOf({ ...valid, version: 2 }), "a.json has version 2; this console reads version 1."],
  [fileOf({ ...valid, link: 5 }), 'a.json is damaged: it has no "link".'],
  [fileOf({ ...valid, link: "x=1" }), "a.json is damaged: its link opens no pane."],
  [
    fileOf({ ...valid, link: LINK.slice(0, -5) }),
    "a.json is damaged: its arrangement does not match its panes.",
  ],
])("reports the damaged file %j", (text, message) => {
  expect(() => parseLayoutFile("a.json", text)).toThrow(message);
});

test("does not read a file that is too large", async () => {
  const file = { name: "big.json", size: 5e6, text: () => Promise.reject(new Error("it was read")) };
  await expect(readLayoutFile(file)).rejects.toThrow("big.json has 5.0 MB; a layout has at most 100.0 kB.");
});
