import type { ByteString } from "../abi/bytes.js";
import { lowerAscii } from "../abi/bytes.js";

/** Power of two. 8,192 strings of at most 64 bytes: the header names and values a test suite uses again and again, and a map of 1,000. */
const slots = 8192;
const table: string[] = Array.from({ length: slots }, () => "");
/** The same in lower case, made when somebody asks. */
const lowered: (string | undefined)[] = Array.from({ length: slots }, () => undefined);

/**
 * The byte string of a short range: the very same JS string if the bytes were seen lately.
 *
 * A filter reads and writes the same few names in every exchange; comparing bytes with a string we have is cheaper than
 * making a new one (and leaves nothing for the collector). The caller has checked the range.
 */
export function internBytes(u8: Uint8Array, start: number, length: number): ByteString {
  return table[slotOf(u8, start, length)]!;
}

/** The same in lower case. */
export function internLower(u8: Uint8Array, start: number, length: number): ByteString {
  const slot = slotOf(u8, start, length);
  return (lowered[slot] ??= lowerAscii(table[slot]!));
}

/** Where the string of these bytes stands, from now on if not before. */
function slotOf(u8: Uint8Array, start: number, length: number): number {
  const end = start + length;
  let hash = length;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ u8[i]!, 0x01000193);
  const slot = (hash ^ (hash >>> 15)) & (slots - 1);
  const known = table[slot]!;
  if (known.length === length && sameBytes(known, u8, start, length)) return slot;
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(u8[i]!);
  table[slot] = text;
  lowered[slot] = undefined;
  return slot;
}

function sameBytes(text: string, u8: Uint8Array, start: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== u8[start + i]) return false;
  return true;
}
