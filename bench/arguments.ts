/** Command lines of the benchmarks and checkers. */
import { type ParseArgsConfig, parseArgs } from "node:util";

/** Options by name, as `parseArgs` takes them. */
type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * Reads the options of this process. With `--help`, it prints the usage and exits. If an option is unknown or has no value, it
 * prints the error and the usage, and exits with code 2.
 *
 * @param usage examples, one per line
 */
export function readOptions<T extends Options>(
  usage: string,
  options: T,
): ReturnType<typeof parseArgs<{ options: T }>>["values"] {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}\n`);
    process.exit(2);
  }
}
