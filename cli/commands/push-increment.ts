/** `push-increment`: counts into a stream, as JSON integers from 0. */
import { Command } from "commander";
import { connect } from "../../client/index.ts";
import { type PushFlags, withPushFlags } from "../flags.ts";
import type { Io } from "../io.ts";
import { pushLoop } from "../push-loop.ts";

/** Makes the command. */
export const pushIncrement = (io: Io): Command =>
  withPushFlags(new Command("push-increment"), 0)
    .alias("push_increment")
    .description("push 0, 1, 2, … as JSON, as fast as they are acknowledged")
    .argument("<stream>", "stream to push to")
    .action((stream: string, flags: PushFlags) =>
      pushLoop(io, connect(flags.url, { token: flags.token }), stream, flags, (n) => ({
        data: JSON.stringify(n),
      })),
    );
