/** All commands, in the order of the overview. */
import type { CommandRow } from "./command.ts";
import { createCompletion } from "./commands/completion.ts";
import { context } from "./commands/context.ts";
import { demo } from "./commands/demo.ts";
import { doctor } from "./commands/doctor.ts";
import { info } from "./commands/info.ts";
import { keys } from "./commands/keys.ts";
import { ls } from "./commands/ls.ts";
import { meta } from "./commands/meta.ts";
import { pull } from "./commands/pull/pull.ts";
import { pullImage } from "./commands/pull-image.ts";
import { pullRaw } from "./commands/pull-raw.ts";
import { push } from "./commands/push/push.ts";
import { pushImage } from "./commands/push-image.ts";
import { pushIncrement } from "./commands/push-increment.ts";
import { play } from "./commands/recordings/play.ts";
import { record } from "./commands/recordings/record.ts";
import { recording } from "./commands/recordings/recording.ts";
import { rm } from "./commands/rm.ts";
import { serve } from "./commands/serve.ts";
import { work } from "./commands/work.ts";

/** The rows of all commands. */
export const COMMANDS: readonly CommandRow[] = [
  ...[serve, doctor, keys],
  ...[ls, info, push, pull, meta, rm, work],
  ...[record, play, recording],
  ...[demo, pushIncrement, pullRaw, pushImage, pullImage],
  ...[context, createCompletion(() => COMMANDS)],
];
