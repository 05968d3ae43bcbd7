import type { ByteString, Latin1Buffer } from "../abi/bytes.js";
import { bufferOf, lowerAscii, unfilledBytes } from "../abi/bytes.js";
import { limits } from "../abi/limits.js";
import { HarnessError } from "../errors.js";
import type { EngineMemory } from "./engine.js";
import { GuestFault } from "./fault.js";
import { internBytes, internLower, longestInterned } from "./intern.js";

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
  private _u8: Uint8Array;
  private _buffer: Latin1Buffer;
  private _view: DataView;
  private readonly _memory: EngineMemory;

  constructor(memory: EngineMemory) {
    this._memory = memory;
    this._u8 = new Uint8Array(memory.buffer);
    this._buffer = bufferOf(memory.buffer);
    this._view = new DataView(memory.buffer);
  }

  /** Bytes of memory now. */
  get size(): number {
    return this._memory.buffer.byteLength;
  }

  /** The whole memory as it is now, not a copy: stale as soon as the guest runs. */
  get whole(): Uint8Array {
    if (this._u8.byteLength !== this._memory.buffer.byteLength) this._refresh();
    return this._u8;
  }

  /** The same as a Buffer. */
  get wholeBuffer(): Buffer {
    if (this._u8.byteLength !== this._memory.buffer.byteLength) this._refresh();
    return this._buffer;
  }

  /** The engine's memory object: for growing it when a state is restored. */
  get native(): EngineMemory {
    return this._memory;
  }

  /** A byte string from memory. */
  text(address: number, size: number): ByteString {
    const start = address >>> 0;
    const length = size >>> 0;
    if (start + length > this._u8.length) this._check(start, length);
    if (length <= longestInterned) return internBytes(this._view, start, length);
    if (length > limits.argumentBytes) refuse(length);
    return this._buffer.latin1Slice(start, start + length);
  }

  /** A byte string from memory in lower case: the name of a header. */
  lowerText(address: number, size: number): ByteString {
    const start = address >>> 0;
    const length = size >>> 0;
    if (length > longestInterned) return lowerAscii(this.text(address, size));
    if (start + length > this._u8.length) this._check(start, length);
    return internLower(this._view, start, length);
  }

  /** A copy: the next guest call may grow the memory and detach every view of it. */
  copy(address: number, size: number): Uint8Array {
    const start = address >>> 0;
    const length = size >>> 0;
    if (start + length > this._u8.length) this._check(start, length);
    if (length > limits.argumentBytes) refuse(length);
    if (length < 4096) return this._u8.slice(start, start + length);
    const bytes = unfilledBytes(length);
    bytes.set(this._u8.subarray(start, start + length));
    return bytes;
  }

  /** A view that is good only until the guest runs again. */
  view(address: number, size: number): Uint8Array {
    const start = address >>> 0;
    const length = size >>> 0;
    if (start + length > this._u8.length) this._check(start, length);
    return this._u8.subarray(start, start + length);
  }

  /** Copies memory into `target` at `offset`, where there must be room. */
  copyInto(address: number, size: number, target: DataView, offset: number): void {
    const start = address >>> 0;
    const length = size >>> 0;
    if (start + length > this._u8.length) this._check(start, length);
    if (length > 256) {
      new Uint8Array(target.buffer, target.byteOffset + offset, length).set(this._u8.subarray(start, start + length));
      return;
    }
    // Words by DataView: a call of `set` costs more than a line of a log
    const source = this._view;
    const words = length & ~3;
    for (let i = 0; i < words; i += 4) target.setUint32(offset + i, source.getUint32(start + i, true), true);
    for (let i = words; i < length; i++) target.setUint8(offset + i, source.getUint8(start + i));
  }

  readU32(address: number): number {
    const at = address >>> 0;
    if (at + 4 > this._u8.length) this._check(at, 4);
    return this._view.getUint32(at, true);
  }

  writeU32(address: number, value: number): void {
    const at = address >>> 0;
    if (at + 4 > this._u8.length) this._check(at, 4);
    this._view.setUint32(at, value, true);
  }

  /** Writes the low 64 bits of `value`. */
  writeU64(address: number, value: bigint): void {
    const at = address >>> 0;
    if (at + 8 > this._u8.length) this._check(at, 8);
    this._view.setBigUint64(at, BigInt.asUintN(64, value), true);
  }

  writeBytes(address: number, bytes: Uint8Array): void {
    const at = address >>> 0;
    if (at + bytes.length > this._u8.length) this._check(at, bytes.length);
    this._u8.set(bytes, at);
  }

  writeText(address: number, text: ByteString): void {
    const at = address >>> 0;
    const size = text.length;
    if (at + size > this._u8.length) this._check(at, size);
    if (size > 96) {
      this._buffer.latin1Write(text, at, size);
      return;
    }
    const u8 = this._u8;
    for (let i = 0; i < size; i++) u8[at + i] = text.charCodeAt(i);
  }

  /** Throws unless `size` bytes at `address` lie within the memory and can be taken in one piece. */
  check(address: number, size: number): void {
    if ((address >>> 0) + (size >>> 0) > this._u8.length) this._check(address >>> 0, size >>> 0);
    if (size >>> 0 > limits.argumentBytes) refuse(size >>> 0);
  }

  private _check(start: number, length: number): void {
    this._refresh();
    const end = this._u8.length;
    if (start + length > end) {
      throw new GuestFault(`Cannot access ${length} bytes at ${start}: the memory ends at ${end}`);
    }
  }

  private _refresh(): void {
    this._u8 = new Uint8Array(this._memory.buffer);
    this._buffer = bufferOf(this._memory.buffer);
    this._view = new DataView(this._memory.buffer);
  }
}

function refuse(length: number): never {
  throw new HarnessError(
    "LIMIT_EXCEEDED",
    `Guest exceeded a limit of the harness: argumentBytes ${length}, at most ${limits.argumentBytes}`,
  );
}
