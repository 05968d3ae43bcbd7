import type { ByteString } from "../abi/bytes.js";
import { textOf, utf8 } from "../abi/bytes.js";

/** What bytes have to be; texts are UTF-8. All that is given must hold. */
export interface BytesMatcher {
  readonly exactly?: Uint8Array;
  readonly contains?: Uint8Array;
  readonly startsWith?: Uint8Array;
  readonly endsWith?: Uint8Array;
  /** Found anywhere in the text; `^` and `$` tie it to its ends. */
  readonly regex?: RegExp;
  readonly not?: BytesMatcher;
  readonly size?: number;
  /** The same JSON value, whatever its spaces and the order of its keys. */
  readonly json?: { readonly value: unknown };
}

/** The same of a text. */
export type TextMatcher = BytesMatcher;

/** What a header has to be: its values in order, or that it is there or not. */
export interface HeaderMatcher {
  /** In lower case. */
  readonly name: ByteString;
  readonly is: "absent" | "present" | readonly BytesMatcher[];
}

/** What is wrong with bytes; undefined: nothing. */
export function mismatch(bytes: Uint8Array, matcher: BytesMatcher): string | undefined {
  for (const [key, check] of Object.entries(checks) as [keyof BytesMatcher, Check][]) {
    const wanted = matcher[key];
    if (wanted !== undefined && !check(bytes, wanted)) return key;
  }
  return undefined;
}

type Check = (bytes: Uint8Array, wanted: unknown) => boolean;

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const checks: Readonly<Record<keyof BytesMatcher, Check>> = {
  exactly: (bytes, wanted) => asBuffer(bytes).equals(wanted as Uint8Array),
  contains: (bytes, wanted) => asBuffer(bytes).includes(asBuffer(wanted as Uint8Array)),
  startsWith: (bytes, wanted) =>
    asBuffer(bytes.subarray(0, (wanted as Uint8Array).length)).equals(wanted as Uint8Array),
  endsWith: (bytes, wanted) => {
    const { length } = wanted as Uint8Array;
    return bytes.length >= length && asBuffer(bytes.subarray(bytes.length - length)).equals(wanted as Uint8Array);
  },
  regex: (bytes, wanted) => (wanted as RegExp).test(textOf(bytes)),
  not: (bytes, wanted) => mismatch(bytes, wanted as BytesMatcher) !== undefined,
  size: (bytes, wanted) => bytes.length === wanted,
  json: (bytes, wanted) => {
    try {
      return sameJson(JSON.parse(textOf(bytes)), (wanted as { value: unknown }).value);
    } catch {
      return false;
    }
  },
};

function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && sameJson(left[key], right[key]))
  );
}

/** A matcher in words: `"x"`, `a text that matches /x/`. */
export function wordsOf(matcher: BytesMatcher): string {
  const words: string[] = [];
  if (matcher.exactly) words.push(shown(matcher.exactly));
  if (matcher.contains) words.push(`something with ${shown(matcher.contains)}`);
  if (matcher.startsWith) words.push(`something that starts with ${shown(matcher.startsWith)}`);
  if (matcher.endsWith) words.push(`something that ends with ${shown(matcher.endsWith)}`);
  if (matcher.regex) words.push(`something that matches ${String(matcher.regex)}`);
  if (matcher.size !== undefined) words.push(`${matcher.size} bytes`);
  if (matcher.json) words.push(`the JSON ${cut(JSON.stringify(matcher.json.value))}`);
  if (matcher.not) words.push(`anything but ${wordsOf(matcher.not)}`);
  return words.join(" and ") || "anything";
}

const longest = 300;
const cut = (text: string): string =>
  text.length > longest ? `${text.slice(0, longest)}… (${text.length} long)` : text;

/** Bytes for a person: as JSON text when they are UTF-8 without controls, else as hex. */
export function shown(bytes: Uint8Array): string {
  const text = textOf(bytes);
  // oxlint-disable-next-line no-control-regex -- controls are what this is about
  const plain = !/[\u0000-\u0008\u000e-\u001f\u007f]/.test(text) && asBuffer(utf8(text)).equals(bytes);
  return plain ? cut(JSON.stringify(text)) : `hex ${cut(asBuffer(bytes).toString("hex"))}`;
}

/** Of a byte string. */
export const shownText = (text: ByteString): string => shown(Buffer.from(text, "latin1"));

/** The matcher for exactly this. */
export const exactly = (bytes: Uint8Array): BytesMatcher => ({ exactly: bytes });
