import type { ByteString } from "../abi/bytes.js";
import { lowerAscii } from "../abi/bytes.js";

/** Power of two. 8,192 strings: the header names and values a test suite uses again and again, and a map of 1,000. */
const slots = 8192;
/** Bytes of the longest string that is kept. */
export const longestInterned = 64;

const table: string[] = Array.from({ length: slots }, () => "");
/** The same in lower case, made when somebody asks. */
const lowered: (string | undefined)[] = Array.from({ length: slots }, () => undefined);
/** Their bytes: compared by words, sooner than a string can be character by character. */
const kept = new DataView(new ArrayBuffer(slots * longestInterned));

/**
 * The byte string of a range of at most `longestInterned`: the very same JS string if the bytes were seen lately.
 *
 * A filter reads and writes the same few names in every exchange; comparing bytes with those of a string we have is cheaper than
 * making a new one (and leaves nothing for the collector). The caller has checked the range.
 */
export function internBytes(memory: DataView, start: number, length: number): ByteString {
  return table[slotOf(memory, start, length)]!;
}

/** The same in lower case. */
export function internLower(memory: DataView, start: number, length: number): ByteString {
  const slot = slotOf(memory, start, length);
  return (lowered[slot] ??= lowerAscii(table[slot]!));
}

/** Where the string of these bytes stands, from now on if not before. */
function slotOf(memory: DataView, start: number, length: number): number {
  const words = length & ~3;
  let hash = length;
  for (let i = 0; i < words; i += 4) hash = mixed(hash ^ memory.getUint32(start + i, true));
  for (let i = words; i < length; i++) hash = mixed(hash ^ memory.getUint8(start + i));
  const slot = hash & (slots - 1);
  const at = slot * longestInterned;
  if (table[slot]!.length === length && isKept(memory, start, length, at)) return slot;
  let text = "";
  for (let i = 0; i < length; i++) {
    const byte = memory.getUint8(start + i);
    kept.setUint8(at + i, byte);
    text += String.fromCharCode(byte);
  }
  table[slot] = text;
  lowered[slot] = undefined;
  return slot;
}

function isKept(memory: DataView, start: number, length: number, at: number): boolean {
  const words = length & ~3;
  for (let i = 0; i < words; i += 4) {
    if (memory.getUint32(start + i, true) !== kept.getUint32(at + i, true)) return false;
  }
  for (let i = words; i < length; i++) if (memory.getUint8(start + i) !== kept.getUint8(at + i)) return false;
  return true;
}

function mixed(hash: number): number {
  const product = Math.imul(hash, 0x9e3779b1);
  return product ^ (product >>> 15);
}
