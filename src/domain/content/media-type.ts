/** Media types (RFC 9110, section 8.3.1) of declared contents: validation, and what a browser could execute. */

/** Maximum length of a media type with its parameters, in characters. */
export const MOST_TYPE_CHARACTERS = 200;

const TOKEN = "[\\w!#$%&'*+.^`|~-]+";
const VALUE = `(?:${TOKEN}|"(?:[\\t !#-\\[\\]-~]|\\\\[\\t -~])*")`;
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?:[ \\t]*;[ \\t]*${TOKEN}=${VALUE})*$`);

/** Returns a media type without surrounding spaces; undefined if the text is not one, or is too long. It is ASCII without line breaks. */
export function parseMediaType(text: string): string | undefined {
  if (text.length > MOST_TYPE_CHARACTERS) return undefined;
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
 * Types that a browser could execute or that can contain such parts: HTML, XML with SVG and XSLT, JavaScript under all of its
 * names, WebAssembly, and bodies with several parts.
 */
const EXECUTABLE =
  /^(.*\/(.*[.+-])?(x?html|xml(-.*)?|xsl|xslt|svg|(java|ecma|live|j|vb)script[\d.]*|wasm|mhtml)(\+.*)?|(multipart|message)\/.*|text\/(cache-manifest|x-component)|application\/(x-shockwave-flash|x-ns-proxy-autoconfig))$/;

/** Whether a browser could execute a payload of this type as a page or a script of the gateway's origin. */
export const isExecutable = (mediaType: string): boolean => EXECUTABLE.test(essenceOf(mediaType));

/** Types of a request body or a part that describe its content, other than `application/…`, which describes a format of the gateway or nothing. */
const DESCRIPTIVE = /^(image|audio|video|text)\//;

/** Whether the `Content-Type` of a posted body declares the content of its stream: an image, audio, video or text. */
export const isDescriptive = (mediaType: string): boolean => DESCRIPTIVE.test(essenceOf(mediaType));
