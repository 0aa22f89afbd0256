/**
 * Parsed metadata, kept by its text. Clients list the streams again and again, and metadata rarely changes. Checking and parsing
 * it takes four times as long as finding it here.
 */
import { type Declaration, readDeclaration } from "../../../domain/content/declaration.ts";

/** Longer texts, in characters, are not kept. */
const MAX_CHARACTERS = 1024;
/** Approximate memory of a parsed value, in bytes. */
const VALUE_BYTES = 64;
/** Limit of the memory, in bytes: metadata of about 10,000 streams. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Result of parsing a text. Results are shared, so it must not be changed. */
export class ParsedMeta {
  readonly value: unknown;
  /** Number of JSON values in it. */
  readonly values: number;
  /** Length of its text, in characters. */
  readonly characters: number;
  #declaration: Declaration | undefined;

  constructor(value: unknown, values: number, characters: number) {
    this.value = value;
    this.values = values;
    this.characters = characters;
  }

  /** Reads what the metadata declares. A large schema takes milliseconds the first time. */
  readDeclaration(): Declaration {
    this.#declaration ??= readDeclaration(this.value).declaration;
    return this.#declaration;
  }
}

/** Result for a stream or a device without metadata. */
export const NO_META = new ParsedMeta({}, 0, 2);

/** Parsed texts. */
export class ParsedMetas {
  readonly #known = new Map<string, ParsedMeta>();
  #bytes = 0;

  get(text: string): ParsedMeta | undefined {
    return this.#known.get(text);
  }

  add(text: string, parsed: ParsedMeta): void {
    // Invalid UTF-8 decodes to this character, so a text with it may be found for bytes that are an error.
    if (text.length > MAX_CHARACTERS || text.includes("\ufffd")) return;
    const bytes = 2 * text.length + VALUE_BYTES * (parsed.values + 1);
    // Cleared, because evicting the oldest ones one by one would cost more than parsing.
    if (this.#bytes + bytes > MAX_BYTES) {
      this.#known.clear();
      this.#bytes = 0;
    }
    this.#known.set(text, parsed);
    this.#bytes += bytes;
  }
}
