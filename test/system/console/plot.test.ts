/** Plots of the console in a real browser: several streams, their axes, a shared cursor, and zoom. */
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { connect } from "../../../client/index.ts";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { axeViolations, openConsole, paneOf, pointAt } from "../../support/browser/console-page.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let browser: TestBrowser;
let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  browser = await startBrowser();
});
beforeEach(() => redis.control.call("FLUSHALL"));
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const START = 1_700_000_000_000;
/** Stores a value of `field` every 100 ms for 20 s: its number, times `factor`. `offset` is in ms. */
async function store(key: string, field: string, factor: number, offset: number): Promise<void> {
  for (let n = 0; n < 200; n++)
    await redis.control.call(
      ...["XADD", key, `${START + n * 100 + offset}-0`, "d", JSON.stringify({ [field]: n * factor })],
    );
}

/** The value of a line in the legend, without its unit. */
const shownValue = async (pane: Locator, field: string): Promise<number> =>
  Number.parseFloat((await rowOf(pane, field).locator("td.value").textContent()) ?? "");

/** Minimum, mean and maximum of a line in the legend. */
const statisticsOf = async (pane: Locator, field: string): Promise<readonly number[]> =>
  (await rowOf(pane, field).locator("td.statistic").allTextContents()).map(Number);

const rowOf = (pane: Locator, field: string): Locator =>
  pane.locator(".legend tr").filter({ has: pane.page().getByRole("checkbox", { name: field, exact: true }) });

test("plots three streams, added by the picker and by dragging, with one cursor and two axes", async () => {
  await store("rover:a", "x", 1, 0);
  await store("rover:b", "y", 10, 30);
  await store("rover:c", "z", -1, 60);
  await connect(gateway.http).setMeta("b", { units: { y: "km/h" } }, { device: "rover" });
  const at = `&t=${START + 20_000}`;
  await using console = await openConsole(browser, gateway.http, `#open=rover:a&view=plot${at}`);
  const { page } = console;
  const pane = paneOf(page, "rover:a");
  await pane.locator(".u-over").waitFor();
  await pane.getByRole("button", { name: "Add a stream" }).click();
  await pane.getByRole("searchbox").fill("b");
  await pane.getByRole("checkbox", { name: "rover:b" }).check();
  await page.keyboard.press("Escape");
  await rowOf(pane, "y").waitFor();
  await page
    .getByRole("treegrid", { name: "Streams" })
    .getByRole("button", { name: "rover:c", exact: true })
    .dragTo(pane.locator(".plot"));
  await until("all are drawn", async () => (await shownValue(pane, "z")) === -199);
  expect(page.url()).toContain("open=rover%3Aa&view=plot&line=l0%3Ax&of=rover%3Ab&line=l1%3Ay&of=rover%3Ac");
  await pane.getByRole("button", { name: "y at the right axis" }).click();
  await until("it is in the link", () => page.url().includes("line=r1%3Ay"));
  expect(await rowOf(pane, "y").locator("td.value").textContent()).toBe("1990 km/h");
  // From the first entry of z on, which is the latest one.
  const statistics = () => rowOf(pane, "y").locator("td.statistic").allTextContents();
  await until(
    "they are those of the drawn range",
    async () => (await statistics()).join() === "10,1000,1990",
  );

  await pointAt(pane.locator(".u-over"), 0.5);
  await pane.getByRole("columnheader", { name: "cursor" }).waitFor();
  // The middle of 19.96 s. A pixel is about 30 ms.
  const x = await shownValue(pane, "x");
  expect(Math.abs(x - 100)).toBeLessThan(3);
  expect(Math.abs((await shownValue(pane, "y")) / 10 - x)).toBeLessThanOrEqual(1);
  expect(Math.abs(-(await shownValue(pane, "z")) - x)).toBeLessThanOrEqual(1);
  expect(await axeViolations(page)).toEqual([]);

  const link = page.url();
  await page.goto("about:blank");
  await page.goto(link);
  await until("the link shows the same", async () => (await shownValue(pane, "z")) === -199);
  expect(await pane.getByRole("button", { name: "y at the right axis" }).getAttribute("aria-pressed")).toBe(
    "true",
  );
  await pane.getByRole("button", { name: "Remove rover:b from the plot" }).click();
  await until("it is removed", async () => (await rowOf(pane, "y").count()) === 0);
  expect(console.problems).toEqual([]);
});

test("all plots share cursor and zoom; a double click resets all of them, also while new entries arrive", async () => {
  await store("rover:a", "x", 1, 0);
  await store("rover:b", "y", 1, 0);
  const open = "#open=rover:a&view=plot&open=rover:b&view=plot&grid=v(0!*500,1!*500)*1000";
  await using console = await openConsole(browser, gateway.http, open);
  const { page } = console;
  const [a, b] = [paneOf(page, "rover:a"), paneOf(page, "rover:b")] as const;
  await a.locator(".u-over").waitFor();
  await until("both are drawn", async () => (await shownValue(a, "x")) + (await shownValue(b, "y")) === 398);
  const cursorAt = async (part: number) => {
    await pointAt(a.locator(".u-over"), part);
    return [await shownValue(a, "x"), await shownValue(b, "y")] as const;
  };
  await until("the cursor is shared", async () => (await cursorAt(0.25))[1] < 60);
  const [x, y] = await cursorAt(0.75);
  expect(Math.abs(x - y)).toBeLessThanOrEqual(1);
  await pointAt(a.locator(".u-over"), 0.5);
  await page.mouse.down();
  await pointAt(a.locator(".u-over"), 0.6);
  await page.mouse.up();
  // The right end of the zoomed range.
  await until("both are zoomed", async () => {
    const values = await cursorAt(0.95);
    return values.every((value) => value > 110 && value < 122);
  });
  // The statistics are those of the zoomed range: from about 99.5 to 119.4.
  for (const [pane, field] of [
    [a, "x"],
    [b, "y"],
  ] as const) {
    await until("they are shown", async () => ((await statisticsOf(pane, field))[0] ?? 0) > 0);
    const [min = 0, mean = 0, max = 0] = await statisticsOf(pane, field);
    expect(Math.abs(min - 100)).toBeLessThan(3);
    expect(Math.abs(mean - 109)).toBeLessThan(3);
    expect(Math.abs(max - 119)).toBeLessThan(3);
  }
  // A later entry keeps the zoom.
  for (const [key, field] of [
    ["rover:a", "x"],
    ["rover:b", "y"],
  ] as const)
    await redis.control.call("XADD", key, `${START + 20_000}-0`, "d", JSON.stringify({ [field]: 500 }));
  await page.mouse.move(0, 0);
  await until("both have the new entry", async () => {
    const values = await Promise.all([shownValue(a, "x"), shownValue(b, "y")]);
    return values.join() === "500,500";
  });
  expect((await statisticsOf(a, "x"))[2]).toBeLessThan(122);
  expect((await cursorAt(0.95)).every((value) => value < 122)).toBe(true);
  await a.locator(".u-over").dblclick();
  for (const [key, field] of [
    ["rover:a", "x"],
    ["rover:b", "y"],
  ] as const)
    await redis.control.call("XADD", key, `${START + 20_100}-0`, "d", JSON.stringify({ [field]: 600 }));
  await until("both show the whole range", async () => (await cursorAt(0.999)).join() === "600,600");
  for (const [pane, field] of [
    [a, "x"],
    [b, "y"],
  ] as const)
    await until("the statistics of all", async () => (await statisticsOf(pane, field))[2] === 600);
  expect(console.problems).toEqual([]);
});

test("a click in a plot shows its moment, also in other panes", async () => {
  await store("rover:a", "x", 1, 0);
  await store("rover:b", "y", 10, 0);
  const hash = `#open=rover:a&view=plot&open=rover:b&view=table&t=${START + 20_000}`;
  await using console = await openConsole(browser, gateway.http, hash);
  const { page } = console;
  const pane = paneOf(page, "rover:a");
  await until("it is drawn", async () => (await shownValue(pane, "x")) === 199);
  await pointAt(pane.locator(".u-over"), 0.25);
  await page.mouse.down();
  await page.mouse.up();
  const momentOf = () => Number(/t=(\d+)$/.exec(page.url())?.[1]);
  await until("it is in the link", () => momentOf() < START + 10_000);
  expect(momentOf()).toBeGreaterThan(START + 4500);
  expect(momentOf()).toBeLessThan(START + 5500);
  const entry = Math.floor((momentOf() - START) / 100);
  await until("the other pane shows it", async () => {
    const text = await paneOf(page, "rover:b").locator("tbody tr").first().locator("td").textContent();
    return text === String(entry * 10);
  });
  // The plot still shows the entries after the moment, and the values of the moment.
  // The time of the entry that is nearest to the pointer.
  const nearest = [entry, entry + 1].map((n) => new Date(START + n * 100).toISOString().slice(14, 23));
  await pane
    .getByRole("columnheader", { name: new RegExp(`^cursor \\d\\d:(${nearest.join("|")})$`) })
    .waitFor();
  await page.mouse.move(0, 0);
  await pane.getByRole("columnheader", { name: "moment", exact: true }).waitFor();
  await until("the value of the moment", async () => (await shownValue(pane, "x")) === entry);
  expect(await rowOf(pane, "x").locator("td.statistic").allTextContents()).toEqual(["0", "99.5", "199"]);
  expect(console.problems).toEqual([]);
});
