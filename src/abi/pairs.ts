import type { ByteString } from "./bytes.js";
import { byteString } from "./bytes.js";
import { limits } from "./limits.js";

/** A name and a value, as byte strings. */
export type Pair = readonly [name: ByteString, value: ByteString];

/** Bytes that `encodePairs` needs for a list: a count, two sizes a pair, and every string with a NUL after it. */
export function encodedPairsSize(pairs: readonly Pair[]): number {
  let size = 4;
  for (const [name, value] of pairs) size += 10 + name.length + value.length;
  return size;
}

/**
 * Writes a list in the ABI's pairs format; integers are u32 little-endian.
 *
 * `N · (name size, value size)×N · (name NUL value NUL)×N`. An empty list is 4 zero bytes here; towards the guest the host
 * sends no bytes at all instead. [S] v0.2.1 #serialization
 */
export function encodePairs(pairs: readonly Pair[]): Uint8Array {
  const bytes = new Uint8Array(encodedPairsSize(pairs));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, pairs.length, true);
  let sizes = 4;
  let at = 4 + 8 * pairs.length;
  for (const [name, value] of pairs) {
    view.setUint32(sizes, name.length, true);
    view.setUint32(sizes + 4, value.length, true);
    sizes += 8;
    for (let i = 0; i < name.length; i++) bytes[at++] = name.charCodeAt(i);
    at++;
    for (let i = 0; i < value.length; i++) bytes[at++] = value.charCodeAt(i);
    at++;
  }
  return bytes;
}

/** What a guest's pairs say; `malformed` names the first violation, and then there are no pairs. */
export interface DecodedPairs {
  readonly pairs: readonly Pair[];
  readonly malformed?: string;
}

const none: readonly Pair[] = [];

/**
 * Reads pairs written by a guest.
 *
 * Every violation gives an empty list and no error, as in [H] pairs_util.cc; `malformed` tells a person why.
 * Nothing, four zero bytes and a single zero byte all mean an empty list.
 */
export function decodePairs(bytes: Uint8Array): DecodedPairs {
  const size = bytes.length;
  if (size === 0 || (size === 1 && bytes[0] === 0)) return { pairs: none };
  if (size > limits.pairsBytes) return bad(`${size} bytes, more than ${limits.pairsBytes}`);
  if (size < 4) return bad(`${size} bytes, too few for a count`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  const count = view.getUint32(0, true);
  if (count > limits.pairsCount) return bad(`${count} pairs, more than ${limits.pairsCount}`);
  let at = 4 + 8 * count;
  if (at > size) return bad(`sizes of ${count} pairs end at ${at}, after the end at ${size}`);
  const pairs: Pair[] = [];
  for (let i = 0; i < count; i++) {
    const nameEnd = at + view.getUint32(4 + 8 * i, true);
    const valueEnd = nameEnd + 1 + view.getUint32(8 + 8 * i, true);
    if (valueEnd + 1 > size) return bad(`pair ${i} ends at ${valueEnd + 1}, after the end at ${size}`);
    if (bytes[nameEnd] !== 0 || bytes[valueEnd] !== 0) return bad(`pair ${i} lacks a NUL after its name or value`);
    pairs.push([byteString(bytes.subarray(at, nameEnd)), byteString(bytes.subarray(nameEnd + 1, valueEnd))]);
    at = valueEnd + 1;
  }
  if (at !== size) return bad(`${size - at} bytes after the last pair`);
  return { pairs };
}

function bad(malformed: string): DecodedPairs {
  return { pairs: none, malformed };
}
