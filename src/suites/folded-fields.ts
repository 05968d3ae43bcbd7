import type { ByteString } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { encodePairs, encodedPairsSize } from "../abi/pairs.js";
import type { Fields } from "../host/stream-port.js";

/** A header map as Google's test framework has it: sorted, without regard to case, repeated names joined with `, `. */
export class FoldedFields implements Fields {
  readonly #values = new Map<string, string>();

  constructor(pairs: Iterable<readonly [string, string]> = []) {
    for (const [name, value] of pairs) this.add(name, value);
  }

  get count(): number {
    return this.#values.size;
  }

  get byteSize(): number {
    const pairs = this.pairs();
    return encodedPairsSize(pairs) - 4 - 10 * pairs.length;
  }

  /** In the order of the names. */
  pairs(): Pair[] {
    return [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** One line for each name: `name: value`. */
  lines(): string[] {
    return this.pairs().map(([name, value]) => `${name}: ${value}`);
  }

  first(name: ByteString): ByteString | undefined {
    return this.#values.get(name.toLowerCase());
  }

  encoded(): Uint8Array {
    return encodePairs(this.pairs());
  }

  add(name: ByteString, value: ByteString): void {
    const key = name.toLowerCase();
    const present = this.#values.get(key);
    this.#values.set(key, present === undefined ? value : `${present}, ${value}`);
  }

  replace(name: ByteString, value: ByteString): void {
    this.#values.set(name.toLowerCase(), value);
  }

  remove(name: ByteString): void {
    this.#values.delete(name.toLowerCase());
  }

  assign(pairs: readonly Pair[]): void {
    this.#values.clear();
    for (const [name, value] of pairs) this.add(name, value);
  }
}
