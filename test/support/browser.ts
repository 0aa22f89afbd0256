/** A headless Chromium for tests: Debian's, with a profile of its own that is removed again. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";

/** One open page. */
export interface TestPage extends AsyncDisposable {
  readonly page: Page;
  /** Addresses that the page asked for. */
  readonly requests: readonly string[];
  /** Errors that the page threw or wrote to its console. */
  readonly errors: readonly string[];
}

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Opens a page. */
export async function openPage(url: string): Promise<TestPage> {
  const profile = await mkdtemp(join(tmpdir(), "redis-streamer-browser-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
  });
  const page = await browser.newPage();
  const requests: string[] = [];
  const errors: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("websocket", (socket) => requests.push(socket.url()));
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(url);
  return {
    page,
    requests,
    errors,
    async [Symbol.asyncDispose]() {
      await browser.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
