/** The console in a browser, for tests. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Locator, Page } from "playwright-core";
import type { TestBrowser } from "./browser.ts";

/** An open console. */
export interface OpenConsole extends AsyncDisposable {
  readonly page: Page;
  readonly requests: string[];
  /** Errors and content security policy violations. */
  readonly problems: string[];
}

/** Opens it. @param url the gateway's URL without a trailing slash @param size of the window, CSS pixels */
export async function openConsole(
  browser: TestBrowser,
  url: string,
  hash = "",
  size = { width: 1280, height: 720 },
): Promise<OpenConsole> {
  const page = await browser.context.newPage();
  await page.setViewportSize(size);
  // Shorter than the test's own timeout, so that the failed condition is reported.
  page.setDefaultTimeout(60_000);
  const requests: string[] = [];
  const problems: string[] = [];
  page.on("request", (one) => requests.push(one.url()));
  page.on("websocket", (one) => requests.push(one.url()));
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  await page.goto(`${url}/${hash}`);
  return { page, requests, problems, [Symbol.asyncDispose]: () => page.close() };
}

/** Opens a stream from the list. @returns its pane */
export async function openStream(page: Page, key: string): Promise<Locator> {
  await page
    .getByRole("treegrid", { name: "Streams" })
    .getByRole("button", { name: key, exact: true })
    .click();
  return paneOf(page, key);
}

/** Moves the pointer to a part of the width of an element, 0 to 1, at half its height. */
export async function pointAt(element: Locator, part: number): Promise<void> {
  const box = await element.boundingBox();
  if (box === null) throw new Error("the element is not visible");
  await element.page().mouse.move(box.x + part * box.width, box.y + box.height / 2);
}

/** Banner with the problem of the gateway or of Redis; empty if there is none. */
export const bannerOf = (page: Page): Locator => page.locator(".banner[role=alert]");

/** The time bar. */
export const timeOf = (page: Page): Locator => page.getByRole("group", { name: "Time", exact: true });

/** Opens the inspector if it is folded. */
export async function openInspector(page: Page): Promise<Locator> {
  const inspector = page.getByRole("region", { name: "Inspector", exact: true });
  if (!(await inspector.isVisible()))
    await page.getByRole("button", { name: "Inspector", exact: true }).click();
  return inspector;
}

/** Selects the viewer of an open stream. */
export async function selectView(page: Page, key: string, view: string): Promise<void> {
  await page.getByLabel(`View of ${key}`, { exact: true }).selectOption(view);
}

/** The group whose visible pane is that of an open stream, or a panel. */
export const paneOf = (page: Page, key: string): Locator =>
  page.getByRole("region", { name: key, exact: true });

/** The last line of the latest entries. */
export const lastRow = (pane: Locator): Locator => pane.locator(".tail li span").last();

/**
 * Returns the colour in the middle of the picture of a pane, with a digit each for red, green and blue. A worker draws
 * the canvas, so it is copied to be read.
 */
export const colourOf = (pane: Locator): Promise<string> =>
  pane.locator(".viewer canvas[role=img]").evaluate(async (drawn) => {
    const { createImageBitmap, OffscreenCanvas } = globalThis as unknown as Drawing;
    const picture = await createImageBitmap(drawn);
    const copy = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
    copy.drawImage(picture, 0, 0);
    const { data } = copy.getImageData(picture.width / 2, picture.height / 2, 1, 1);
    return [...data.slice(0, 3)].map((part) => (part > 127 ? "1" : "0")).join("");
  });

/**
 * Returns the opacity of the overlay of a pane at a point, 0 to 255; 0 without an overlay.
 *
 * @param x and `y` are parts of the size, 0 to 1
 */
export const opacityAt = (pane: Locator, x: number, y: number): Promise<number> =>
  pane.locator(".picture").evaluate(
    (picture, [right, down]) => {
      const canvas = (picture as unknown as Queried).querySelector("canvas.overlay");
      if (canvas === null || canvas.width === 0) return 0;
      const { data } = canvas.getContext("2d").getImageData(right * canvas.width, down * canvas.height, 1, 1);
      return data[3] ?? 0;
    },
    [x, y] as const,
  );

/** The part of the browser's document API used above. */
interface Queried {
  querySelector(
    selector: string,
  ): (InstanceType<Drawing["OffscreenCanvas"]> & { readonly width: number; readonly height: number }) | null;
}

/** The part of the browser's canvas API used above: tests are compiled without DOM types. */
interface Drawing {
  createImageBitmap(of: unknown): Promise<{ readonly width: number; readonly height: number }>;
  readonly OffscreenCanvas: new (
    width: number,
    height: number,
  ) => {
    getContext(kind: "2d"): {
      drawImage(picture: unknown, x: number, y: number): void;
      getImageData(x: number, y: number, w: 1, h: 1): { readonly data: Uint8ClampedArray };
    };
  };
}

/** Returns the violations that axe-core finds in a page. */
export async function axeViolations(page: Page): Promise<readonly string[]> {
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  return page.evaluate(
    `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html, failureSummary }) => html + failureSummary).join("; ")))`,
  );
}
