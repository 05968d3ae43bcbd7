import { byteString, isByteString, lowerAscii, textOf, utf8 } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import type { HeaderMap } from "../proxy/header-map.js";

/** A text that must be the same, or match. In strings of headers each character is one byte, wider ones are UTF-8. */
export type TextWanted = string | RegExp | Uint8Array;

/** A header that must be there: its value, its values in order, or nothing for "not there". */
export type HeaderWanted = TextWanted | readonly TextWanted[] | undefined;

/** Headers that must be there, whatever others are. */
export type HeadersWanted = Readonly<Record<string, HeaderWanted>>;

/** A message that must have come: what is not given may be anything. */
export interface RequestWanted {
  readonly method?: TextWanted;
  readonly path?: TextWanted;
  readonly authority?: TextWanted;
  readonly headers?: HeadersWanted;
  /** An object is compared as JSON. */
  readonly body?: BodyWanted;
}

export interface ReplyWanted {
  readonly status?: number;
  readonly headers?: HeadersWanted;
  readonly body?: BodyWanted;
}

export type BodyWanted = string | RegExp | Uint8Array | object;

const bytesOfText = (text: string): string => (isByteString(text) ? text : byteString(utf8(text)));

/** Is this header value, a byte string, the one that is wanted? */
export function fits(value: string, wanted: TextWanted): boolean {
  if (typeof wanted === "string") return value === bytesOfText(wanted);
  if (wanted instanceof RegExp) return found(value, wanted);
  return value === byteString(wanted);
}

/** A pattern with `g` or `y` remembers where it was: that must not decide. */
export const found = (text: string, pattern: RegExp): boolean => {
  pattern.lastIndex = 0;
  return pattern.test(text);
};

/** Do these values, in order, fit? */
export function headerFits(map: HeaderMap, name: string, wanted: HeaderWanted): boolean {
  const values = map.getAll(lowerAscii(name));
  if (wanted === undefined) return values.length === 0;
  const list = listOf(wanted);
  return values.length === list.length && values.every((value, i) => fits(value, list[i]!));
}

const listOf = (wanted: TextWanted | readonly TextWanted[]): readonly TextWanted[] =>
  Array.isArray(wanted) ? (wanted as readonly TextWanted[]) : [wanted as TextWanted];

/** The list as it should have been: what fits as it is, what is wanted in place of what does not, others as they are. */
export function wantedPairs(map: HeaderMap, wanted: HeadersWanted): Pair[] {
  const rest = new Map(Object.entries(wanted).map(([name, one]) => [lowerAscii(name), one] as const));
  const pairs: Pair[] = [];
  const add = (name: string, one: HeaderWanted): void => {
    if (one !== undefined) for (const value of listOf(one)) pairs.push([name, textFor(value)]);
  };
  const done = new Set<string>();
  for (const [name, value] of map) {
    if (!rest.has(name) || headerFits(map, name, rest.get(name))) pairs.push([name, value]);
    else if (!done.has(name)) add(name, rest.get(name));
    done.add(name);
  }
  for (const [name, one] of rest) if (!done.has(name)) add(name, one);
  return pairs;
}

const textFor = (wanted: TextWanted): string =>
  typeof wanted === "string" ? bytesOfText(wanted) : wanted instanceof RegExp ? String(wanted) : byteString(wanted);

export function bodyFits(bytes: Uint8Array, wanted: BodyWanted): boolean {
  if (typeof wanted === "string") return Buffer.compare(bytes, utf8(wanted)) === 0;
  if (wanted instanceof RegExp) return found(textOf(bytes), wanted);
  if (wanted instanceof Uint8Array) return Buffer.compare(bytes, wanted) === 0;
  try {
    return sameJson(JSON.parse(textOf(bytes)), JSON.parse(JSON.stringify(wanted)));
  } catch {
    return false;
  }
}

/** Compares JSON values, whatever the order of keys. */
function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a, sortKeys) === JSON.stringify(b, sortKeys);
}

function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A wanted value for a person. */
export function shown(wanted: unknown): string {
  if (wanted instanceof RegExp) return String(wanted);
  if (wanted instanceof Uint8Array) return `bytes ${Buffer.from(wanted).toString("hex")}`;
  if (Array.isArray(wanted)) return wanted.map(shown).join(", ");
  return JSON.stringify(wanted, (_, one: unknown) => (one instanceof RegExp ? String(one) : one)) ?? "nothing";
}
