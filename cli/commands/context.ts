/** `context list|set|use|rm`: manages the named gateways in the configuration file. */
import type { CommandRow } from "../command.ts";
import { contextOf, contextsFile, readContexts, writeContexts } from "../contexts.ts";
import { DEFAULT_URL, type GivenFlags } from "../options.ts";
import { oneLine } from "../output/payload-text.ts";

const CONTEXT_NAME = { name: "<name>", doc: "name of the context", kind: "context" } as const;
const base = { group: "Shell", isLocal: true } as const satisfies Partial<CommandRow>;

const list: CommandRow = {
  ...base,
  name: "list",
  summary: "list the contexts; * marks the current one",
  run({ terminal, env }) {
    const file = contextsFile(env);
    const { current, contexts } = readContexts(file);
    for (const [name, { url, token }] of Object.entries(contexts))
      terminal.print(
        `${name === current ? "*" : " "} ${oneLine(name)}  ${oneLine(url)}${token === undefined ? "" : "  (with a key)"}`,
      );
    if (Object.keys(contexts).length === 0) terminal.note(`${file} has no contexts`);
  },
};

const set: CommandRow = {
  ...base,
  name: "set",
  summary: "create or replace a context",
  details: "create or replace a context from --url, --token and --ca; the first one becomes the current one",
  arguments: [CONTEXT_NAME],
  readsConnection: true,
  examples: ["redis-streamer context set lab --url https://lab.example:8000 --token rsk_…"],
  run({ terminal, env }, [name]: [string], { url = DEFAULT_URL, token, ca }: GivenFlags) {
    const file = contextsFile(env);
    const { current = name, contexts } = readContexts(file);
    const context = { url, ...(token !== undefined && { token }), ...(ca !== undefined && { ca }) };
    writeContexts(file, { current, contexts: { ...contexts, [name]: context } });
    terminal.note(`stored context ${oneLine(name)} in ${file}`);
  },
};

const use: CommandRow = {
  ...base,
  name: "use",
  summary: "make a context the current one",
  arguments: [CONTEXT_NAME],
  run({ terminal, env }, [name]: [string]) {
    const file = contextsFile(env);
    const contexts = readContexts(file);
    const { url } = contextOf(contexts, name, file);
    writeContexts(file, { ...contexts, current: name });
    terminal.note(`commands now use ${oneLine(name)}, ${oneLine(url)}`);
  },
};

const rm: CommandRow = {
  ...base,
  name: "rm",
  summary: "delete a context",
  arguments: [CONTEXT_NAME],
  run({ env }, [name]: [string]) {
    const file = contextsFile(env);
    const contexts = readContexts(file);
    contextOf(contexts, name, file);
    const { [name]: _deleted, ...left } = contexts.contexts;
    const { current } = contexts;
    writeContexts(file, { contexts: left, ...(current !== undefined && current !== name && { current }) });
  },
};

/** The command. */
export const context: CommandRow = {
  ...base,
  name: "context",
  summary: "store named gateways with their keys, and select one",
  commands: [list, set, use, rm],
};
