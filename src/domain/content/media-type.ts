/** Media types (RFC 9110, section 8.3.1) of declared contents: validation, and which types a browser may show. */
// cspell:ignore importmap speculationrules

/** Maximum length of a media type with its parameters, in characters. */
export const MAX_TYPE_CHARACTERS = 200;

const TOKEN = "[\\w!#$%&'*+.^`|~-]+";
const VALUE = `(?:${TOKEN}|"(?:[\\t !#-\\[\\]-~]|\\\\[\\t -~])*")`;
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?:[ \\t]*;[ \\t]*${TOKEN}=${VALUE})*$`);

/** Returns a media type without surrounding spaces; undefined if the text is not one, or is too long. It is ASCII without line breaks. */
export function parseMediaType(text: string): string | undefined {
  if (text.length > MAX_TYPE_CHARACTERS) return undefined;
  const trimmed = text.trim();
  return MEDIA_TYPE.test(trimmed) ? trimmed : undefined;
}

/** Returns type and subtype in lower case, without parameters: `audio/l16` of `audio/L16;rate=16000`. */
export const essenceOf = (mediaType: string): string =>
  (mediaType.split(";", 1)[0] ?? "").trim().toLowerCase();

/** Returns a parameter of a media type; undefined if it has none of that name. */
export function parameterOf(mediaType: string, name: string): string | undefined {
  for (const part of mediaType.split(";").slice(1)) {
    const [key = "", value = ""] = part.split("=", 2);
    if (key.trim().toLowerCase() === name) return value.trim().replace(/^"(.*)"$/, "$1");
  }
  return undefined;
}

/**
 * Types that a browser, or a program that it starts, could execute, or that a page could use: HTML, XML with SVG and XSLT,
 * JavaScript under all of its names, style sheets, WebAssembly, HTML and Java applications, manifests, and bodies with several parts.
 */
const EXECUTABLE =
  /^(.*\/(.*[.+-])?(x?html|xml(-.*)?|xsl|xslt|svg|css|hta|(java|ecma|live|j|vb)script[\d.]*|wasm|mhtml|(manifest|importmap|speculationrules)\+json)(\+.*)?|(multipart|message)\/.*|text\/(cache-manifest|event-stream|x-component)|application\/(x-shockwave-flash|x-silverlight.*|(x-)?java-.*|x-ns-proxy-autoconfig))$/;

/** Whether a browser could execute a payload of this type, or a page use it as a script or a style sheet. */
export const isExecutable = (mediaType: string): boolean => EXECUTABLE.test(essenceOf(mediaType));

/** Types that a browser shows, plays or saves, and never executes. */
const INLINE =
  /^((image|audio|video)\/.*|text\/(plain|csv|tab-separated-values|markdown)|application\/(.*\+)?json|application\/(octet-stream|(vnd\.|x-)?msgpack|cbor|x-ndjson|ogg))$/;

/** Whether a payload of this type may be shown in the browser. All other types are downloads. */
export const isInline = (mediaType: string): boolean =>
  INLINE.test(essenceOf(mediaType)) && !isExecutable(mediaType);

/** Types of a request body or a part that describe its content, other than `application/…`, which describes a format of the gateway or nothing. */
const DESCRIPTIVE = /^(image|audio|video|text)\//;

/** Whether the `Content-Type` of a posted body declares the content of its stream: an image, audio, video or text. */
export const isDescriptive = (mediaType: string): boolean => DESCRIPTIVE.test(essenceOf(mediaType));
