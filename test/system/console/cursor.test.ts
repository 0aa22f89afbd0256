/** The cursor that panes share, in a real browser: plots, states, tables and text. */
import { randomUUID } from "node:crypto";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { axeViolations, openConsole, paneOf, pointAt } from "../../support/browser/console-page.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let browser: TestBrowser;
let redis: TestRedis;
let gateway: TestGateway;

const START = 1_700_000_000_000;
/** Entries of each stream, one every 100 ms. */
const ENTRIES = 100;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  browser = await startBrowser();
  for (let n = 0; n < ENTRIES; n++) {
    const id = `${START + n * 100}-0`;
    const store = (key: string, value: unknown) =>
      redis.control.call("XADD", key, id, "d", typeof value === "string" ? value : JSON.stringify(value));
    await store("rover:imu", { n });
    await store("rover:mode", { mode: n < 50 ? "drive" : "tipped" });
    await store("rover:rows", { n });
    await store("rover:log", `line ${n}`);
  }
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const PANES = { imu: "plot", mode: "states", rows: "table", log: "text" };
const OPEN = `#${Object.entries(PANES)
  .map(([name, view]) => `open=rover:${name}&view=${view}`)
  .join("&")}&grid=h(v(0!*300,1!*300)*700,v(2!*300,3!*300)*700)&t=${START + ENTRIES * 100}`;

const marked = (pane: Locator): Locator => pane.locator("[aria-current]");
/** The number of the marked entry; undefined if none is visible. */
async function markedNumber(pane: Locator): Promise<number | undefined> {
  if ((await marked(pane).count()) !== 1) return undefined;
  const text = await marked(pane).locator("td, span").last().textContent();
  return Number(text?.replace("line ", ""));
}

/** Touches the plot. Runs in the page. @returns whether a row is marked before the finger is lifted, and after */
const TOUCH = `(() => {
  const over = document.querySelector(".u-over");
  const { left, top, width } = over.getBoundingClientRect();
  const at = { clientX: left + width / 2, clientY: top + 5, bubbles: true };
  const isMarked = () => document.querySelector("[aria-current]") !== null;
  for (const type of ["mousemove", "mousedown", "mouseup"]) over.dispatchEvent(new MouseEvent(type, at));
  const before = isMarked();
  // A second click, which does not show the moment.
  over.dispatchEvent(new PointerEvent("click", { ...at, pointerType: "touch", detail: 2 }));
  return [before, isMarked()];
})()`;

test("the pointer over one pane marks its moment in all others", async () => {
  await using console = await openConsole(browser, gateway.http, OPEN);
  const { page } = console;
  const [imu, mode, rows, log] = Object.keys(PANES).map((name) => paneOf(page, `rover:${name}`)) as [
    Locator,
    Locator,
    Locator,
    Locator,
  ];
  const value = mode.locator(".now");
  const plotted = async () => Number(await imu.locator(".legend td.value").textContent());
  await until("all are shown", async () => {
    const texts = [await value.textContent(), await rows.locator("tbody td").first().textContent()];
    return texts.join() === `tipped,${ENTRIES - 1}` && (await plotted()) === ENTRIES - 1;
  });
  await log.getByText(`line ${ENTRIES - 1}`, { exact: true }).waitFor();

  expect(await page.evaluate(TOUCH)).toEqual([true, false]);
  await pointAt(imu.locator(".u-over"), 0.2);
  await mode.getByText("drive", { exact: true }).and(value).waitFor();
  await until("the plot has a cursor", async () => (await plotted()) < ENTRIES / 2);
  const pointed = await plotted();
  // The plot shows the nearest entry, a list the last one.
  for (const list of [rows, log]) {
    await until("it is marked", async () => Math.abs(((await markedNumber(list)) ?? 0) - pointed) <= 1);
    await until("it is scrolled to", () => isInside(marked(list), list));
  }
  const line = (await mode.locator(".cursor-line").boundingBox())?.x ?? 0;
  const bars = await mode.locator(".bars").boundingBox();
  expect((line - (bars?.x ?? 0)) / (bars?.width ?? 1)).toBeCloseTo(0.2, 1);
  expect(await axeViolations(page)).toEqual([]);

  await pointAt(mode.locator(".bars"), 0.75);
  await until("the plot follows the states", async () => Math.abs((await plotted()) - 74) <= 2);
  await imu.getByRole("columnheader", { name: "cursor" }).waitFor();
  await rows.getByRole("cell", { name: `${ENTRIES - 3}`, exact: true }).hover();
  await until("the plot follows the table", async () => (await plotted()) === ENTRIES - 3);

  await pointAt(mode.locator(".bars"), 0.5);
  await page.mouse.down();
  await page.mouse.up();
  await until("a click in the states shows the moment", () => Math.abs(momentOf(page) - START - 5000) < 200);
  await until("the states continue after it", async () => {
    const moment = await mode.locator(".cursor-line.moment").boundingBox();
    const area = await mode.locator(".bars").boundingBox();
    return moment !== null && area !== null && Math.abs((moment.x - area.x) / area.width - 0.5) < 0.05;
  });
  await log.getByText("line 42", { exact: true }).locator("..").locator("time").click();
  await until("the time of a line shows its moment", () => page.url().includes(`t=${START + 4200}-0`));
  await page.mouse.move(1, 1);
  await imu.getByRole("columnheader", { name: "moment" }).waitFor();
  expect([await marked(rows).count(), await marked(log).count()]).toEqual([0, 0]);
  expect(await mode.locator(".cursor-line:not(.moment)").count()).toBe(0);
  expect(await value.textContent()).toBe("drive");
  await until("the table is scrolled back", () => isInside(rows.locator("tbody tr").first(), rows));
  await until("the text is at its end", () => isInside(log.locator(".tail li").last(), log));
  expect(console.problems).toEqual([]);
});

test("a live text follows its end under the pointer, and after the pointer leaves another pane", async () => {
  // A stream of its own also if the test is repeated.
  const key = `rover:${randomUUID()}`;
  let count = 0;
  const addLines = async (added: number) => {
    for (const end = count + added; count < end; count++)
      await redis.control.call("XADD", key, `${START + count * 100}-0`, "d", `line ${count}`);
  };
  await addLines(ENTRIES);
  const open = `#open=${key}&view=text&open=rover:rows&view=table&grid=v(0!*300,1!*300)*700`;
  await using console = await openConsole(browser, gateway.http, open);
  const { page } = console;
  const [tail, rows] = [paneOf(page, key), paneOf(page, "rover:rows")];
  const line = (n: number): Locator => tail.getByText(`line ${n}`, { exact: true });
  const row = (n: number): Locator => rows.getByRole("cell", { name: `${n}`, exact: true });
  const newest = tail.getByRole("button", { name: "Newest" });
  const isAtEnd = () => isInside(line(count - 1), tail);
  const isMarked = async (n: number) => (await markedNumber(tail)) === n && isInside(marked(tail), tail);
  await row(ENTRIES - 1).waitFor();
  await until("the text is at its end", isAtEnd);

  // The user's place is kept, even if another pane shows the end for a while.
  await line(ENTRIES - 1).hover();
  await page.mouse.wheel(0, -600);
  await newest.waitFor();
  await until("it is scrolled", async () => !(await isAtEnd()));
  await row(ENTRIES - 1).hover();
  await until("the end is shown", () => isMarked(ENTRIES - 1));
  await page.evaluate(TWO_FRAMES);
  await page.mouse.move(1, 1);
  await until("it is scrolled back", async () => !(await isAtEnd()));
  await newest.click();

  await line(ENTRIES - 1).hover();
  await until("its own line is marked", () => isMarked(ENTRIES - 1));
  await addLines(30);
  await until("it follows its end under the pointer", isAtEnd);
  await row(60).hover();
  await until("the moment of the table is shown", () => isMarked(60));
  await addLines(30);
  await line(count - 1).waitFor();
  await page.evaluate(TWO_FRAMES);
  expect(await isMarked(60)).toBe(true);
  await page.mouse.move(1, 1);
  await until("it follows its end after the pointer left", isAtEnd);
  expect(await newest.count()).toBe(0);
  expect(console.problems).toEqual([]);
});

/** Waits until the events of a scroll are dispatched. Runs in the page. */
const TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))";

/** The moment in the link, Unix ms. */
const momentOf = (page: Page): number => Number(/[&#]t=(\d+)/.exec(page.url())?.[1]);

/** Whether an element is inside of the area of another one. */
async function isInside(element: Locator, area: Locator): Promise<boolean> {
  const [inner, outer] = [await element.boundingBox(), await area.boundingBox()];
  if (inner === null || outer === null) return false;
  return inner.y >= outer.y && inner.y + inner.height <= outer.y + outer.height;
}
