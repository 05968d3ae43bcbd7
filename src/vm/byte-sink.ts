/** Bytes that grow at the end. */
export class ByteSink {
  length = 0;
  private _bytes = new Uint8Array(1024);

  /** What was written, not a copy: the next write may change it. */
  get bytes(): Uint8Array {
    return this._bytes.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  push(bytes: readonly number[]): void {
    this._reserve(bytes.length);
    for (const byte of bytes) this._bytes[this.length++] = byte;
  }

  copy(from: Uint8Array, start: number, end: number): void {
    this._reserve(end - start);
    this._bytes.set(from.subarray(start, end), this.length);
    this.length += end - start;
  }

  append(other: ByteSink): void {
    this.copy(other._bytes, 0, other.length);
  }

  private _reserve(count: number): void {
    const wanted = this.length + count;
    if (wanted <= this._bytes.length) return;
    const larger = new Uint8Array(Math.max(wanted, 2 * this._bytes.length));
    larger.set(this.bytes);
    this._bytes = larger;
  }
}
