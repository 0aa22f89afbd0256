/** All commands, in the order of the overview. */
import type { CommandRow } from "./command.ts";
import { keys } from "./commands/keys.ts";
import { pullImage } from "./commands/pull-image.ts";
import { pullRaw } from "./commands/pull-raw.ts";
import { pushImage } from "./commands/push-image.ts";
import { pushIncrement } from "./commands/push-increment.ts";
import { serve } from "./commands/serve.ts";
import { work } from "./commands/work.ts";

/** The rows of all commands. */
export const COMMANDS: readonly CommandRow[] = [
  serve,
  keys,
  work,
  pushIncrement,
  pullRaw,
  pushImage,
  pullImage,
];
