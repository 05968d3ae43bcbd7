import type { ByteString } from "../../abi/bytes.js";

export interface SharedValue {
  readonly value: Uint8Array;
  readonly cas: number;
}

/**
 * Key-value store of the whole process, a namespace for each vm_id (the empty one included). [H] shared_data.cc
 *
 * The cas number is one counter for all keys: 1 upwards, never 0.
 */
export class SharedData {
  #entries = new Map<string, Map<ByteString, SharedValue>>();
  #lastCas = 0;

  /** Bytes of all keys and values. */
  #bytes = 0;

  /** How many keys the namespace, and how many bytes the store would have with this entry. */
  sizeWith(vmId: string, key: ByteString, value: Uint8Array): { readonly keys: number; readonly bytes: number } {
    const space = this.#entries.get(vmId);
    const present = space?.get(key);
    return {
      keys: (space?.size ?? 0) + (present === undefined ? 1 : 0),
      bytes: this.#bytes + value.length + (present === undefined ? key.length : -present.value.length),
    };
  }

  get(vmId: string, key: ByteString): SharedValue | undefined {
    return this.#entries.get(vmId)?.get(key);
  }

  /** False when `cas` is neither 0 nor that of the present value. A key that is absent accepts any `cas`. */
  set(vmId: string, key: ByteString, value: Uint8Array, cas: number): boolean {
    let space = this.#entries.get(vmId);
    if (space === undefined) this.#entries.set(vmId, (space = new Map<ByteString, SharedValue>()));
    const present = space.get(key);
    if (present !== undefined && cas !== 0 && cas !== present.cas) return false;
    this.#bytes = this.sizeWith(vmId, key, value).bytes;
    this.#lastCas = (this.#lastCas + 1) >>> 0 || 1;
    space.set(key, { value, cas: this.#lastCas });
    return true;
  }

  /** Forgets a namespace: the last VM of that vm_id is gone. [H] */
  drop(vmId: string): void {
    this.#bytes -= bytesOfSpace(this.entries(vmId));
    this.#entries.delete(vmId);
  }

  /** All keys of a namespace, for tests to look at. */
  entries(vmId: string): ReadonlyMap<ByteString, SharedValue> {
    return this.#entries.get(vmId) ?? new Map();
  }

  capture(): unknown {
    return {
      entries: new Map([...this.#entries].map(([id, space]) => [id, new Map(space)])),
      lastCas: this.#lastCas,
    };
  }

  restore(captured: unknown): void {
    const { entries, lastCas } = captured as { entries: Map<string, Map<ByteString, SharedValue>>; lastCas: number };
    this.#lastCas = lastCas;
    if (entries.size + this.#entries.size === 0) return;
    this.#entries = new Map([...entries].map(([id, space]) => [id, new Map(space)]));
    this.#bytes = [...this.#entries.values()].reduce((sum, space) => sum + bytesOfSpace(space), 0);
  }
}

function bytesOfSpace(space: ReadonlyMap<ByteString, SharedValue>): number {
  let bytes = 0;
  for (const [key, { value }] of space) bytes += key.length + value.length;
  return bytes;
}
