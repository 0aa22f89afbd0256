/** `serve`: starts the gateway. `cli/index.ts` starts it before this program is loaded. */
import type { CommandRow } from "../command.ts";
import { usageError } from "../exit-codes.ts";

/** The command, for the overview and the shell completion. */
export const serve: CommandRow = {
  name: "serve",
  group: "Gateway",
  summary: "start a gateway; serve --help lists its settings",
  isLocal: true,
  run() {
    throw usageError("serve must be the first argument: redis-streamer serve [flags]");
  },
};
