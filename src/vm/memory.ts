import type { ByteString, Latin1Buffer } from "../abi/bytes.js";
import { bufferOf } from "../abi/bytes.js";
import { GuestFault } from "./fault.js";
import { internBytes } from "./intern.js";

/**
 * Bounds-checked window on a guest's linear memory.
 *
 * Addresses and sizes are bytes and reach JS as signed i32; they are read as u32. Integers are little-endian, unaligned.
 * A range that leaves the memory throws `GuestFault`, even when empty: [H] refuses size 0 past the end.
 *
 * Growing detaches the old buffer, which makes the cached view zero long: every check that fails therefore looks again
 * with a fresh view before it refuses, and none has to ask beforehand.
 */
export class GuestMemory {
  /** The view in use. Stale after the guest has run; go through the methods. */
  #u8: Uint8Array;
  #buffer: Latin1Buffer;
  readonly #memory: WebAssembly.Memory;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#u8 = new Uint8Array(memory.buffer);
    this.#buffer = bufferOf(memory.buffer);
  }

  /** Bytes of memory now. */
  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  /** The whole memory as it is now, not a copy: stale as soon as the guest runs. */
  get whole(): Uint8Array {
    if (this.#u8.byteLength !== this.#memory.buffer.byteLength) this.#refresh();
    return this.#u8;
  }

  /** The engine's memory object: for growing it when a state is restored. */
  get native(): WebAssembly.Memory {
    return this.#memory;
  }

  /** A byte string from memory. */
  text(address: number, size: number): ByteString {
    const start = address >>> 0;
    const length = size >>> 0;
    if (start + length > this.#u8.length) this.#check(start, length);
    if (length <= 64) return internBytes(this.#u8, start, length);
    return this.#buffer.latin1Slice(start, start + length);
  }

  /** A copy: the next guest call may grow the memory and detach every view of it. */
  copy(address: number, size: number): Uint8Array {
    const start = address >>> 0;
    const length = size >>> 0;
    if (start + length > this.#u8.length) this.#check(start, length);
    return this.#u8.slice(start, start + length);
  }

  /** A view that is good only until the guest runs again. */
  view(address: number, size: number): Uint8Array {
    const start = address >>> 0;
    const length = size >>> 0;
    if (start + length > this.#u8.length) this.#check(start, length);
    return this.#u8.subarray(start, start + length);
  }

  /** Copies memory into `target` at `offset`, where there must be room. */
  copyInto(address: number, size: number, target: Uint8Array, offset: number): void {
    const start = address >>> 0;
    const length = size >>> 0;
    if (start + length > this.#u8.length) this.#check(start, length);
    const source = this.#u8;
    if (length <= 96) for (let i = 0; i < length; i++) target[offset + i] = source[start + i]!;
    else target.set(source.subarray(start, start + length), offset);
  }

  readU32(address: number): number {
    const at = address >>> 0;
    if (at + 4 > this.#u8.length) this.#check(at, 4);
    const u8 = this.#u8;
    return (u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24)) >>> 0;
  }

  writeU32(address: number, value: number): void {
    const at = address >>> 0;
    if (at + 4 > this.#u8.length) this.#check(at, 4);
    const u8 = this.#u8;
    u8[at] = value;
    u8[at + 1] = value >>> 8;
    u8[at + 2] = value >>> 16;
    u8[at + 3] = value >>> 24;
  }

  /** Writes the low 64 bits of `value`. */
  writeU64(address: number, value: bigint): void {
    const at = address >>> 0;
    if (at + 8 > this.#u8.length) this.#check(at, 8);
    new DataView(this.#u8.buffer).setBigUint64(at, BigInt.asUintN(64, value), true);
  }

  writeBytes(address: number, bytes: Uint8Array): void {
    const at = address >>> 0;
    if (at + bytes.length > this.#u8.length) this.#check(at, bytes.length);
    this.#u8.set(bytes, at);
  }

  writeText(address: number, text: ByteString): void {
    const at = address >>> 0;
    const size = text.length;
    if (at + size > this.#u8.length) this.#check(at, size);
    if (size > 96) {
      this.#buffer.latin1Write(text, at, size);
      return;
    }
    const u8 = this.#u8;
    for (let i = 0; i < size; i++) u8[at + i] = text.charCodeAt(i);
  }

  /** Throws unless `size` bytes at `address` lie within the memory. */
  check(address: number, size: number): void {
    if ((address >>> 0) + (size >>> 0) > this.#u8.length) this.#check(address >>> 0, size >>> 0);
  }

  #check(start: number, length: number): void {
    this.#refresh();
    const end = this.#u8.length;
    if (start + length > end) {
      throw new GuestFault(`Cannot access ${length} bytes at ${start}: the memory ends at ${end}`);
    }
  }

  #refresh(): void {
    this.#u8 = new Uint8Array(this.#memory.buffer);
    this.#buffer = bufferOf(this.#memory.buffer);
  }
}
