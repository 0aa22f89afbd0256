/** `completion bash|zsh|fish`: prints a script for the shell, which runs this command again for each completion. */
import type { CommandRow } from "../command.ts";
import { candidates } from "../completion/candidates.ts";
import { completionScript, SHELLS } from "../completion/scripts.ts";
import { openStreamer, selectConnection } from "../connection.ts";
import { contextsFile, readContexts } from "../contexts.ts";
import { usageError } from "../exit-codes.ts";
import type { GivenFlags } from "../options.ts";
import type { Io } from "../output/io.ts";

/** Time to wait for the names of streams, ms, because the user waits for it after Tab. */
const NAMES_MS = 1_500;

/** Creates the command. @param commands returns all commands */
export const createCompletion = (commands: () => readonly CommandRow[]): CommandRow => ({
  name: "completion",
  group: "Shell",
  usage: "completion bash|zsh|fish",
  summary: "print a completion script",
  details:
    "print a script that completes commands, options, files, streams and contexts; it runs this command for each completion",
  isLocal: true,
  arguments: [
    { name: "<shell>", doc: "bash, zsh or fish" },
    { name: "[words...]", doc: "words of a command line, after --, of which the last is completed" },
  ],
  examples: [
    "redis-streamer completion bash > ~/.local/share/bash-completion/completions/redis-streamer",
    'redis-streamer completion zsh > "$' + '{fpath[1]}/_redis-streamer"',
    "redis-streamer completion fish > ~/.config/fish/completions/redis-streamer.fish",
  ],
  async run(io, [name, words]: [string, readonly string[]]) {
    const shell = SHELLS.find((one) => one === name);
    if (shell === undefined) throw usageError(`the shell must be ${SHELLS.join(", ")}, got "${name}"`);
    if (words.length === 0) await io.terminal.print(completionScript(shell));
    else
      for (const word of await candidates(commands(), words, (kind, options) => namesOf(io, kind, options)))
        await io.terminal.print(word);
  },
});

/** Looks up names. Without a gateway there are none: a completion must not print an error into the line. */
async function namesOf(
  { env, signal }: Io,
  kind: "stream" | "context",
  options: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  try {
    if (kind === "context") return Object.keys(readContexts(contextsFile(env)).contexts);
    const given = givenFlags(options, env);
    const connection = selectConnection(given, (flag) => options.has(`--${flag}`), env);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(NAMES_MS)]);
    const streams = await openStreamer(connection).streams({ signal: limit });
    const device = options.get("--device") ?? "default";
    const prefix = options.get("--prefix") ?? "";
    return streams
      .filter((one) => device === "" || one.device === undefined || one.device === device)
      .map((one) => (device === "" ? one.key : one.stream))
      .filter((one) => one.startsWith(prefix))
      .map((one) => one.slice(prefix.length));
  } catch {
    return [];
  }
}

function givenFlags(options: ReadonlyMap<string, string>, env: Io["env"]): GivenFlags {
  const names = ["url", "token", "ca", "context"] as const;
  const values = names.map((name) => {
    const value = options.get(`--${name}`) ?? env[`REDIS_STREAMER_${name.toUpperCase()}`];
    return [name, value] as const;
  });
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}
