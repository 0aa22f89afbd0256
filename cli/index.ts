#!/usr/bin/env node
/** CLI entry point: starts the gateway, or runs one command until it ends or a signal stops it, and sets the exit code. */
import { runServe } from "./serve.ts";

// The gateway handles signals itself, and loads nothing of the commands.
if (process.argv[2] === "serve") {
  process.argv.splice(2, 1);
  await runServe();
} else {
  const { runCommand } = await import("./run-command.ts");
  process.exitCode = await runCommand();
}
