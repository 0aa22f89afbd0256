/** Body of `POST /recordings`. */
import { badParameter } from "../../domain/errors.ts";
import { isObject } from "../../domain/is-object.ts";
import { shown } from "../../domain/shown.ts";
import { COMPRESSIONS } from "../../recordings/compression.ts";
import { isRecordingName, NAME_RULE, timeName } from "../../recordings/directory.ts";
import type { RecordingRequest } from "../../recordings/recording-status.ts";
import { bodyOf, checkMembers, optionalNumber, optionalText, textList } from "../request/json-body.ts";

/** Name and request of a recording. */
export interface NamedRequest {
  readonly name: string;
  readonly request: RecordingRequest;
}

/** Limits of numbers: 1 PiB, and 366 days. */
const MAX_BYTES = 2 ** 50;
const MAX_SECONDS = 366 * 86_400;
/** Characters of all notes as JSON: the list of recordings has them. */
const MAX_NOTES = 10_000;

/** Members of the body. */
const MEMBERS = [
  ...["name", "streams", "exclude", "device", "prefix", "from"],
  ...["maxBytes", "maxSeconds", "compression", "notes"],
];

/** Reads a body. @throws GatewayError BAD_BODY or BAD_PARAMETER */
export function readRecordingRequest(text: string): NamedRequest {
  const body = bodyOf(text, '{"streams": ["cam-*"]}');
  checkMembers(body, MEMBERS);
  const device = optionalText(body, "device");
  const streams = textList(body, "streams");
  if (streams.length === 0)
    throw badParameter(
      "streams",
      'must be a list of at least one stream id or pattern, such as ["cam-*"], got none',
    );
  const name = optionalText(body, "name") ?? defaultName(device);
  if (!isRecordingName(name)) throw badParameter("name", `${NAME_RULE}, got ${shown(name)}`);
  const compression = body.compression ?? "zstd";
  const known = COMPRESSIONS.find((one) => one === compression);
  if (known === undefined)
    throw badParameter("compression", `must be one of ${COMPRESSIONS.join(", ")}, got ${shown(compression)}`);
  return {
    name,
    request: {
      ...{ streams, exclude: textList(body, "exclude"), device },
      prefix: optionalText(body, "prefix") ?? "",
      from: optionalText(body, "from") ?? "$",
      maxBytes: optionalNumber(body, "maxBytes", MAX_BYTES),
      maxSeconds: optionalNumber(body, "maxSeconds", MAX_SECONDS),
      compression: known,
      notes: readNotes(body.notes),
    },
  };
}

/** Reads the notes. @throws GatewayError BAD_PARAMETER */
function readNotes(value: unknown): Readonly<Record<string, string>> {
  const notes = value ?? {};
  if (
    !isObject(notes) ||
    Array.isArray(notes) ||
    !Object.values(notes).every((one) => typeof one === "string")
  )
    throw badParameter(
      "notes",
      `must be an object of strings, such as {"driver": "Ada"}, got ${shown(notes)}`,
    );
  const size = JSON.stringify(notes).length;
  if (size > MAX_NOTES) throw badParameter("notes", `must have at most ${MAX_NOTES} characters, got ${size}`);
  return notes as Readonly<Record<string, string>>;
}

/** Returns the name of a recording without one: its device and the time. */
function defaultName(device: string | undefined): string {
  const start = (device ?? "").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return `${start === "" ? "recording" : start.slice(0, 60)}-${timeName()}`;
}
