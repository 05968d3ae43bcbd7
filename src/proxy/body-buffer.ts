import { concat, noBytes } from "../abi/bytes.js";
import type { BufferPort } from "../host/stream-port.js";

/** Bytes of a body on their way, as a list of pieces that are never copied to be joined unless somebody looks. */
export class BodyBuffer implements BufferPort {
  private _pieces: Uint8Array[];
  private _size: number;

  constructor(...pieces: Uint8Array[]) {
    this._pieces = pieces.filter((piece) => piece.length > 0);
    this._size = this._pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  get size(): number {
    return this._size;
  }

  bytes(start: number, max: number): Uint8Array {
    if (start >= this._size) return noBytes;
    const whole = this.whole();
    return start === 0 && max >= whole.length ? whole : whole.subarray(start, start + max);
  }

  /** All bytes in one piece. Not a copy: not to be written. */
  whole(): Uint8Array {
    if (this._pieces.length > 1) this._pieces = [concat(this._pieces)];
    return this._pieces[0] ?? noBytes;
  }

  /** [E] From the front: drop `size` bytes, put `data` there. At the end or beyond: append. Inside: refused. */
  splice(start: number, size: number, data: Uint8Array): boolean {
    if (start === 0 && size >= this._size) {
      this._pieces = [data];
      this._size = 0;
    } else if (start === 0) {
      if (size > 0) this.drain(size);
      this._pieces.unshift(data);
    } else if (start >= this._size) {
      this._pieces.push(data);
    } else {
      return false;
    }
    this._size += data.length;
    return true;
  }

  append(data: Uint8Array): void {
    if (data.length === 0) return;
    this._pieces.push(data);
    this._size += data.length;
  }

  /** Takes all bytes of another buffer, which is empty then. */
  take(other: BodyBuffer): void {
    for (const piece of other._pieces) this._pieces.push(piece);
    this._size += other._size;
    other.clear();
  }

  drain(size: number): void {
    if (size >= this._size) return this.clear();
    this._pieces = [this.whole().subarray(size)];
    this._size -= size;
  }

  clear(): void {
    this._pieces = [];
    this._size = 0;
  }
}
