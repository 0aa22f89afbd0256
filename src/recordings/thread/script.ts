/** Scripts of threads, which are bundled. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * Returns the path of a script: beside this file, in `dist` beside its modules, or below the sources, as Node 20 cannot load
 * TypeScript.
 *
 * @throws Error if it is missing
 */
export function threadScript(name: string): string {
  const path = [`./${name}.js`, `../../../bin/${name}.js`, `../../../dist/bin/${name}.js`]
    .map((one) => fileURLToPath(new URL(one, import.meta.url)))
    .find((one) => existsSync(one));
  if (path === undefined) throw new Error(`the script ${name} of a thread is missing; run: npm run prepare`);
  return path;
}
