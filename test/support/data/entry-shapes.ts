/** The shapes of entry that XADD can store, and their representation for readers. */

/** Bytes as the JSON format writes them. */
export type Json = string | { readonly base64: string };
/** Fields besides the payload, as the JSON format writes them. */
export type Fields = Readonly<Record<string, Json | readonly Json[]>>;

const many = Array.from({ length: 1000 }, (_, i) => [`name ${i}`, `value ${i}`] as const);
const bytes = Buffer.from([0xff, 0, 0xfe]);

/** Each shape: arguments of XADD, the payload, the fields besides it (undefined for none), and the fields as one line. */
export const SHAPES: readonly (readonly [
  title: string,
  args: readonly (string | Buffer)[],
  payload: Json,
  fields: Fields | undefined,
  line: string,
])[] = [
  ["a payload", ["d", "x"], "x", undefined, ""],
  ["an empty payload", ["d", ""], "", undefined, ""],
  ["a binary payload", ["d", bytes], { base64: bytes.toString("base64") }, undefined, ""],
  ["no payload", ["qty", "3", "item", "bolt"], "", { qty: "3", item: "bolt" }, "qty=3 item=bolt"],
  ["a payload and fields", ["a", "1", "d", "x", "b", "2"], "x", { a: "1", b: "2" }, "a=1 b=2"],
  ["two payloads", ["d", "first", "d", "last"], "last", { d: "first" }, "d=first"],
  ["three payloads", ["d", "1", "d", "2", "d", "3"], "3", { d: ["1", "2"] }, "d=[1, 2]"],
  ["a repeated field", ["a", "1", "a", "2"], "", { a: ["1", "2"] }, "a=[1, 2]"],
  ["repeated fields and a payload", ["a", "", "d", "x", "a", ""], "x", { a: ["", ""] }, 'a=["", ""]'],
  [
    "a thousand fields",
    many.flat(),
    "",
    Object.fromEntries(many),
    many.map(([n, v]) => `"${n}"="${v}"`).join(" "),
  ],
  ["an empty name and value", ["", ""], "", { "": "" }, '""=""'],
  ["an empty name, repeated", ["", "1", "", "2"], "", { "": ["1", "2"] }, '""=[1, 2]'],
  ["a binary value", ["v", bytes], "", { v: { base64: bytes.toString("base64") } }, "v=(3 bytes)"],
  ["a binary name", [Buffer.from([0xff]), "v"], "", { "\ufffd": "v" }, '"\ufffd"=v'],
  [
    "names of objects",
    ["__proto__", "1", "constructor", "2"],
    "",
    JSON.parse('{"__proto__":"1","constructor":"2"}'),
    "__proto__=1 constructor=2",
  ],
  ["names like numbers", ["2", "b", "1", "a"], "", { 1: "a", 2: "b" }, "2=b 1=a"],
  ["control characters", ["k\n\x1b", "v\r\0"], "", { "k\n\x1b": "v\r\0" }, '"k\\n\\u001b"="v\\r\\u0000"'],
];

/** Returns bytes as the JSON format writes them. */
export const jsonBytes = (value: Uint8Array): Json => {
  const buffer = Buffer.from(value);
  return buffer.toString().includes("\ufffd") ? { base64: buffer.toString("base64") } : buffer.toString();
};
