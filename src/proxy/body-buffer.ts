import { concat, noBytes } from "../abi/bytes.js";
import type { BufferPort } from "../host/stream-port.js";

/** Bytes of a body on their way, as a list of pieces that are never copied to be joined unless somebody looks. */
export class BodyBuffer implements BufferPort {
  #pieces: Uint8Array[];
  #size: number;

  constructor(...pieces: Uint8Array[]) {
    this.#pieces = pieces.filter((piece) => piece.length > 0);
    this.#size = this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  get size(): number {
    return this.#size;
  }

  bytes(start: number, max: number): Uint8Array {
    if (start >= this.#size) return noBytes;
    return this.whole().subarray(start, start + max);
  }

  /** All bytes in one piece. Not a copy: not to be written. */
  whole(): Uint8Array {
    if (this.#pieces.length > 1) this.#pieces = [concat(this.#pieces)];
    return this.#pieces[0] ?? noBytes;
  }

  /** [E] From the front: drop `size` bytes, put `data` there. At the end or beyond: append. Inside: refused. */
  splice(start: number, size: number, data: Uint8Array): boolean {
    if (start === 0) {
      if (size > 0) this.drain(size);
      this.#pieces.unshift(data);
    } else if (start >= this.#size) {
      this.#pieces.push(data);
    } else {
      return false;
    }
    this.#size += data.length;
    return true;
  }

  append(data: Uint8Array): void {
    if (data.length === 0) return;
    this.#pieces.push(data);
    this.#size += data.length;
  }

  /** Takes all bytes of another buffer, which is empty then. */
  take(other: BodyBuffer): void {
    this.#pieces.push(...other.#pieces);
    this.#size += other.#size;
    other.clear();
  }

  drain(size: number): void {
    if (size >= this.#size) return this.clear();
    this.#pieces = [this.whole().subarray(size)];
    this.#size -= size;
  }

  clear(): void {
    this.#pieces = [];
    this.#size = 0;
  }
}
