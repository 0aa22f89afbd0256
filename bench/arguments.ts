/** Command lines of the benchmarks and checkers. */
import { type ParseArgsConfig, parseArgs } from "node:util";

/** Options by name, as `parseArgs` takes them. */
type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * Reads the options of this process. With `--help`, it prints the usage and ends the process; with others than these options, it
 * prints what is wrong and the usage, and ends it with exit code 2.
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
