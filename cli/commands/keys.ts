/** `keys add|list|revoke`: manages the API key file. A running gateway reloads the file when it changes. */
import { formatGrant, type Grant, parseGrant } from "../../src/access/identity/grant.ts";
import { type ApiKey, makeKey, readKeyFile, writeKeyFile } from "../../src/access/identity/key-file.ts";
import type { CommandRow, OptionRow } from "../command.ts";
import { UNIT_MS } from "../options.ts";
import { oneLine } from "../output/payload-text.ts";

interface FileFlags {
  readonly file: string;
}

interface AddFlags extends FileFlags {
  readonly allow: readonly Grant[];
  /** Unix ms. */
  readonly expires?: number;
  readonly link?: true;
}

const FILE: OptionRow = {
  flags: "--file <path>",
  doc: "API key file",
  env: "AUTH_KEYS_FILE",
  fallback: "./keys.json",
  kind: "file",
};

const add: CommandRow = {
  name: "add",
  group: "Gateway",
  isLocal: true,
  summary: "create a key and print its secret, which is shown only once",
  arguments: [{ name: "<name>", doc: "name of the client, used in the log" }],
  options: [
    FILE,
    {
      flags: "--allow <permission...>",
      doc: "read, work, write or admin, which alone permits it everywhere, or followed by a device:stream pattern: read:glasses:* (all streams of a device), write:*:imu* (those streams of any device)",
      parse: (text: string, before: readonly Grant[] = []) => [...before, parseGrant(text)],
      isRequired: true,
    },
    {
      flags: "--expires <time>",
      doc: "expiry: 90m, 12h or 30d from now, or a date",
      parse: parseExpiry,
    },
    {
      flags: "--link",
      doc: "a link key: accepted only in the URL of a viewer, ws://…/foxglove?key=…, with permissions that begin with read:",
    },
  ],
  run({ terminal }, [name]: [string], { file, allow, expires, link }: AddFlags) {
    const { key, secret } = makeKey({
      name,
      grants: allow,
      ...(expires !== undefined && { expiresAtMs: expires }),
      isLink: link === true,
    });
    writeKeyFile(file, [...readKeyFile(file), key]);
    for (const grant of allow) {
      const hint = hintOf(grant);
      if (hint !== undefined) terminal.note(hint);
    }
    terminal.note(`added key ${key.id} for ${name} to ${file}; its secret, which is shown only once:`);
    terminal.print(secret);
  },
};

const list: CommandRow = {
  name: "list",
  group: "Gateway",
  isLocal: true,
  summary: "list the keys without their secrets",
  options: [FILE],
  run({ terminal }, _args, { file }: FileFlags) {
    for (const key of readKeyFile(file)) terminal.print(line(key));
  },
};

const revoke: CommandRow = {
  name: "revoke",
  group: "Gateway",
  isLocal: true,
  summary: "delete keys; a running gateway closes their connections",
  arguments: [{ name: "<id or name...>", doc: "ids of keys, or names; a name selects all its keys" }],
  options: [FILE],
  run({ terminal }, [selected]: [readonly string[]], { file }: FileFlags) {
    const before = readKeyFile(file);
    const isSelected = ({ id, name }: ApiKey) => selected.includes(id) || selected.includes(name);
    const unknown = selected.find((one) => !before.some(({ id, name }) => one === id || one === name));
    if (unknown !== undefined) throw new Error(`${file} contains no key "${unknown}"`);
    writeKeyFile(
      file,
      before.filter((key) => !isSelected(key)),
    );
    for (const { id, name } of before.filter(isSelected)) terminal.note(`revoked ${id} ${name}`);
  },
};

/** The command. */
export const keys: CommandRow = {
  name: "keys",
  group: "Gateway",
  summary: "manage the API keys of a gateway in their file",
  isLocal: true,
  commands: [add, list, revoke],
};

/** Returns a hint for a permission that probably means another one: its pattern has no device, or no stream. */
function hintOf(grant: Grant): string | undefined {
  const { action, pattern } = grant;
  const [device = "", ...stream] = pattern.split(":");
  if (pattern === "*" || stream.join(":") !== "") return undefined;
  const ofDevice = `all streams of the device: ${action}:${device === "" ? "*" : device}:*`;
  return stream.length > 0
    ? `warning: ${formatGrant(grant)} allows no stream, because no stream name follows the device. For ${ofDevice}`
    : `warning: ${formatGrant(grant)} allows only keys without a device (DISABLE_MULTI_DEVICE_PREFIXING=1, or an empty device_id). For ${ofDevice}; for the stream: ${action}:default:${device}`;
}

const line = ({ id, name, grants, expiresAtMs, isLink }: ApiKey): string =>
  [
    id,
    oneLine(name),
    grants.map(formatGrant).map(oneLine).join(" "),
    ...(isLink ? ["link"] : []),
    expiresAtMs === undefined ? "" : `expires ${new Date(expiresAtMs).toISOString()}`,
  ]
    .join("  ")
    .trimEnd();

function parseExpiry(text: string): number {
  const [, amount, unit = ""] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const time = amount === undefined ? Date.parse(text) : Date.now() + Number(amount) * (UNIT_MS[unit] ?? 0);
  if (!(time > Date.now()))
    throw new Error(`must be a time in the future such as 30d or 2030-01-01, got "${text}"`);
  return time;
}
