import type { ByteString } from "../abi/bytes.js";
import { byteString, isByteString, lowerAscii } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { HarnessError } from "../errors.js";
import { HeaderMap } from "../proxy/header-map.js";
import type { MapKind } from "../proxy/inline-headers.js";

/** A header value: a string in which each character is one byte, or the bytes themselves. */
export type HeaderValue = string | Uint8Array;

/** Headers as a test writes them: an object, pairs in order (repeats kept), or a map made by `headers`. */
export type HeadersInput =
  HeaderMap | Iterable<readonly [string, HeaderValue]> | Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>;

/**
 * A map that can be handed to many streams: it is read and encoded once.
 *
 * @throws {HarnessError} OPTION_INVALID for a character above 255: bytes or UTF-8 must be chosen by the caller.
 */
export function headers(input: HeadersInput, kind: MapKind = "request"): HeaderMap {
  if (input instanceof HeaderMap) return input.kind === kind ? input.copy() : new HeaderMap(kind, input.pairs());
  return new HeaderMap(kind, pairsOf(input));
}

/** The pairs of an input, names in lower case, values as byte strings. */
export function pairsOf(input: HeadersInput): Pair[] {
  if (input instanceof HeaderMap) return [...input.pairs()];
  const pairs: Pair[] = [];
  if (Symbol.iterator in input) {
    for (const [name, value] of input) pairs.push([nameOf(name), valueOf(name, value)]);
    return pairs;
  }
  for (const [name, value] of Object.entries(input)) {
    const values = Array.isArray(value) ? (value as readonly HeaderValue[]) : [value as HeaderValue];
    for (const one of values) pairs.push([nameOf(name), valueOf(name, one)]);
  }
  return pairs;
}

function nameOf(name: string): ByteString {
  if (!isByteString(name)) throw new HarnessError("OPTION_INVALID", `Cannot use header name "${name}": ${wide}`);
  return lowerAscii(name);
}

function valueOf(name: string, value: HeaderValue): ByteString {
  if (value instanceof Uint8Array) return byteString(value);
  if (typeof value !== "string") {
    throw new HarnessError(
      "OPTION_INVALID",
      `Cannot use the value of header "${name}": it is ${typeof value}, not text or bytes`,
    );
  }
  if (!isByteString(value))
    throw new HarnessError("OPTION_INVALID", `Cannot use the value of header "${name}": ${wide}`);
  return value;
}

const wide =
  "it has a character above 255, and headers are bytes: give a Uint8Array, such as new TextEncoder().encode(text)";
