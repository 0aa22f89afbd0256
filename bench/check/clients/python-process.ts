/** Process of a client that uses the Python package, behind a proxy that cuts its connections. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { CuttingProxy } from "../processes/cutting-proxy.ts";
import { createRandom } from "../random.ts";
import type { Recording } from "./recorder.ts";

/** This file runs from its build, and the program and the package are beside the sources. */
const ROOT =
  ["../../../", "../../../../"]
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(`${path}bench/check/clients/python_client.py`)) ?? "";
const LAST_WORDS_BYTES = 4000;

/** A process and its proxy. */
export class PythonProcess implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly proxy: CuttingProxy;
  /** Description of an unexpected end. */
  death: string | undefined;
  #isExpected = false;

  constructor(
    proxy: CuttingProxy,
    name: string,
    options: Readonly<Record<string, unknown>>,
    take: (line: unknown) => void,
  ) {
    this.proxy = proxy;
    const given = JSON.stringify({ ...options, url: `http://127.0.0.1:${proxy.port}` });
    const env = { PATH: process.env.PATH ?? "", PYTHON_PACKAGE: `${ROOT}python` };
    this.#child = spawn("/usr/bin/python3", ["-B", `${ROOT}bench/check/clients/python_client.py`, given], {
      env,
    });
    let words = "";
    this.#child.stderr.setEncoding("utf8").on("data", (text) => {
      words = (words + text).slice(-LAST_WORDS_BYTES);
    });
    this.#child.stdin.on("error", () => undefined);
    createInterface({ input: this.#child.stdout }).on("line", (line) => take(JSON.parse(line)));
    this.#child.on("close", (code, signal) => {
      if (!this.#isExpected && code !== 0) this.death = `${name} ended with ${signal ?? code}: ${words}`;
    });
  }

  settle(): void {
    this.proxy.settle();
    this.#child.stdin.write("settle\n");
  }

  [Symbol.dispose](): void {
    this.#isExpected = true;
    this.#child.kill("SIGKILL");
    this.proxy[Symbol.dispose]();
  }
}

/** Starts a proxy to the gateways: each connection leads to the next one. */
export const startProxy = (
  seed: number,
  gateway: number,
  { port }: Pick<Recording, "port">,
): Promise<CuttingProxy> => {
  let connections = 0;
  return CuttingProxy.start(createRandom(seed), () => port(gateway + connections++));
};
