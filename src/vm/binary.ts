import type { HarnessErrorCode } from "../errors.js";
import { HarnessError } from "../errors.js";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** As PATH_MAX of Linux. Many entries may point to one string: without a limit a small file could make gigabytes of text. */
const longestPath = 4096;

/**
 * Reads WebAssembly's and DWARF's integers, names and byte ranges, front to back. Positions are offsets in the whole array,
 * so that a message names the byte a hex editor shows.
 *
 * `what` in each method says for the message what was being read. Running off the end of the file throws
 * `WASM_TRUNCATED`; off the end of a part of it, `WASM_INVALID`.
 */
export class BinaryReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  /** The part of the file that this reader must stay in, in words; undefined when that is the whole file. */
  readonly #part: string | undefined;
  #at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length, part?: string) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = Math.min(end, bytes.length);
    this.#part = part;
  }

  /** Offset of the next byte. */
  get at(): number {
    return this.#at;
  }

  /** Offset behind the last byte that may be read. */
  get end(): number {
    return this.#end;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** The next byte, which stays unread; undefined at the end. */
  peek(): number | undefined {
    return this.done ? undefined : this.#bytes[this.#at];
  }

  u8(what: string): number {
    this.#need(1, what);
    return this.#bytes[this.#at++]!;
  }

  u16(what: string): number {
    return this.u8(what) | (this.u8(what) << 8);
  }

  u32(what: string): number {
    return (this.u16(what) | (this.u16(what) << 16)) >>> 0;
  }

  /** Exact below 2^53. */
  u64(what: string): number {
    return this.u32(what) + this.u32(what) * 2 ** 32;
  }

  /** Unsigned LEB128 of at most 32 bits. */
  leb(what: string): number {
    const start = this.#at;
    let byte = this.u8(what);
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 0x80;
    while (byte >= 0x80) {
      byte = this.u8(what);
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
      if (value > 0xffff_ffff || scale > 2 ** 35) throw this.#tooLong(what, start, 32);
    }
    return value;
  }

  /** Signed LEB128 of at most 32 bits. */
  signedLeb(what: string): number {
    const start = this.#at;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8(what);
      value |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      // The fifth byte has four bits of the number, the rest repeat its sign.
      if (shift === 28 && byte > 0x07 && byte < 0x78) break;
      return shift === 28 ? value : (value << (25 - shift)) >> (25 - shift);
    }
    throw this.#tooLong(what, start, 32);
  }

  /** Unsigned LEB128 of at most 64 bits. */
  leb64(what: string): bigint {
    const start = this.#at;
    let [byte, value, shift] = [0x80, 0n, 0n];
    while (byte >= 0x80) {
      byte = this.u8(what);
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (value >> 64n !== 0n || shift > 70n) throw this.#tooLong(what, start, 64);
    }
    return value;
  }

  /** Signed LEB128 of at most 64 bits. */
  signedLeb64(what: string): bigint {
    const start = this.#at;
    let [byte, value, shift] = [0x80, 0n, 0];
    while (byte >= 0x80) {
      byte = this.u8(what);
      value |= BigInt(byte & 0x7f) << BigInt(shift);
      shift += 7;
      if (shift > 70) throw this.#tooLong(what, start, 64);
    }
    const signed = BigInt.asIntN(shift, value);
    if (BigInt.asIntN(64, signed) !== signed) throw this.#tooLong(what, start, 64);
    return signed;
  }

  /** The offset of the next `length` bytes, which are passed over. */
  skip(length: number, what: string): number {
    this.#need(length, what);
    this.#at += length;
    return this.#at - length;
  }

  /** A view of the next `length` bytes. */
  bytes(length: number, what: string): Uint8Array {
    const start = this.skip(length, what);
    return this.#bytes.subarray(start, this.#at);
  }

  /** A reader of the same bytes from `start` on, which must not lie before this one's. */
  from(start: number): BinaryReader {
    return new BinaryReader(this.#bytes, start, this.#end, this.#part);
  }

  /** A reader of the next `length` bytes, which this one passes over. `part` names them in messages. */
  part(length: number, part: string): BinaryReader {
    const start = this.skip(length, part);
    return new BinaryReader(this.#bytes, start, this.#at, part);
  }

  /** A length and that many bytes of UTF-8. */
  name(what: string): string {
    const bytes = this.bytes(this.leb(`the length of ${what}`), what);
    try {
      return strict.decode(bytes);
    } catch {
      throw this.#error("WASM_INVALID", what, this.#at - bytes.length, "the bytes are not UTF-8");
    }
  }

  /** As `name`, but broken UTF-8 becomes U+FFFD: for names that only people read. */
  lenientName(what: string): string {
    return lenient.decode(this.bytes(this.leb(`the length of ${what}`), what));
  }

  /** Text up to a zero byte, which is passed over; at most a path's length. Broken UTF-8 becomes U+FFFD. */
  zeroTerminated(what: string): string {
    const limit = Math.min(this.#end, this.#at + longestPath);
    const length = this.#bytes.subarray(this.#at, limit).indexOf(0);
    if (length < 0) throw this.invalid(what, `no zero byte ends it before byte ${limit}`);
    const text = lenient.decode(this.bytes(length, what));
    this.#at += 1;
    return text;
  }

  /** An error at `at`: what was being read cannot be, because of `reason`. */
  invalid(what: string, reason: string, at = this.#at): HarnessError {
    return this.#error("WASM_INVALID", what, at, reason);
  }

  #need(length: number, what: string): void {
    if (this.#at + length <= this.#end) return;
    const wanted = length === 1 ? "" : `, ${length} bytes wanted`;
    if (this.#part === undefined) {
      throw this.#error("WASM_TRUNCATED", what, this.#at, `the file ends at byte ${this.#end}${wanted}`);
    }
    throw this.#error("WASM_INVALID", what, this.#at, `${this.#part} ends at byte ${this.#end}${wanted}`);
  }

  #tooLong(what: string, start: number, bits: number): HarnessError {
    return this.#error("WASM_INVALID", what, start, `the number has more than ${bits} bits`);
  }

  #error(code: HarnessErrorCode, what: string, at: number, reason: string): HarnessError {
    return new HarnessError(code, `Cannot read ${what} at byte ${at}: ${reason}`);
  }
}

/** What `read` gives, or `otherwise` when the bytes are damaged: for sections that only help people. */
export function tolerant<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof HarnessError) return otherwise;
    throw thrown;
  }
}
