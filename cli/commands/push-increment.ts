/** `push-increment`: pushes the integers from 0 to a stream, as JSON. */
import { Command } from "commander";
import { connect } from "../../client/index.ts";
import { type PushFlags, withPushFlags } from "../flags.ts";
import { pushLoop } from "../loops/push-loop.ts";
import type { Io } from "../output/io.ts";

/** Default entries per second: a person can read them, and an unattended command does not fill Redis. */
const DEFAULT_FPS = 10;

/** Creates the command. */
export const pushIncrement = (io: Io): Command =>
  withPushFlags(new Command("push-increment"), DEFAULT_FPS)
    .alias("push_increment")
    .description("push the integers 0, 1, 2, … as JSON")
    .argument("<stream>", "stream to push to")
    .action((stream: string, flags: PushFlags) =>
      pushLoop(io, connect(flags.url, { token: flags.token }), stream, flags, (n) => ({
        data: JSON.stringify(n),
      })),
    );
