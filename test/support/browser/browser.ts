/** Debian's headless Chromium for browser tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { CHROMIUM } from "../../../bench/load/processes/chromium.ts";

/** Timeout in ms for anything a page does, on a busy machine. */
const PATIENCE_MS = 60_000;

/** A browser with its own profile, which is removed with it. */
export interface TestBrowser extends AsyncDisposable {
  readonly context: BrowserContext;
}

/** Starts a browser. @param args further Chromium switches */
export async function startBrowser(...args: readonly string[]): Promise<TestBrowser> {
  const profile = mkdtempSync(join(tmpdir(), "browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    ...CHROMIUM,
    args: [...CHROMIUM.args, ...args],
    // Scrollbars take space, as on most desktops.
    ignoreDefaultArgs: ["--hide-scrollbars"],
  });
  context.setDefaultTimeout(PATIENCE_MS);
  return {
    context,
    async [Symbol.asyncDispose]() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** An open page, with its requests and errors. */
export interface TestPage extends AsyncDisposable {
  readonly page: Page;
  /** URLs that the page requested. */
  readonly requests: readonly string[];
  /** Errors that the page threw or wrote to its console. */
  readonly errors: readonly string[];
}

/** Opens a page in its own browser. */
export async function openPage(url: string): Promise<TestPage> {
  const browser = await startBrowser();
  const page = await browser.context.newPage();
  const requests: string[] = [];
  const errors: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("websocket", (socket) => requests.push(socket.url()));
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(url);
  return { page, requests, errors, [Symbol.asyncDispose]: () => browser[Symbol.asyncDispose]() };
}
