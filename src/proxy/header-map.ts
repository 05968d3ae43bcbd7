import type { ByteString } from "../abi/bytes.js";
import { lowerAscii } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { encodePairs } from "../abi/pairs.js";
import type { Fields } from "../host/stream-port.js";
import type { MapKind } from "./inline-headers.js";
import { inlineNames } from "./inline-headers.js";

/** Entries from which on names are looked up in an index. */
const indexFrom = 32;

/** An ordered list of entries with cheap removal: a removed entry leaves a hole until the list is packed. */
class EntryList {
  names: (ByteString | undefined)[] = [];
  values: ByteString[] = [];
  live = 0;
  #index: Map<ByteString, number[]> | undefined;

  copy(): EntryList {
    const list = new EntryList();
    list.names = this.names.slice();
    list.values = this.values.slice();
    list.live = this.live;
    return list;
  }

  /** Position of the first entry of a name, or -1. */
  find(name: ByteString): number {
    if (this.names.length < indexFrom) return this.names.indexOf(name);
    return this.#indexed().get(name)?.[0] ?? -1;
  }

  append(name: ByteString, value: ByteString): void {
    const at = this.names.push(name) - 1;
    this.values.push(value);
    this.live++;
    if (this.#index !== undefined) note(this.#index, name, at);
  }

  /** Removes all entries of a name; returns the bytes of their names and values. */
  remove(name: ByteString): number {
    let bytes = 0;
    if (this.names.length < indexFrom) {
      for (let at = this.names.indexOf(name); at >= 0; at = this.names.indexOf(name, at)) {
        bytes += name.length + this.values[at]!.length;
        this.names.splice(at, 1);
        this.values.splice(at, 1);
        this.live--;
      }
      return bytes;
    }
    const index = this.#indexed();
    for (const at of index.get(name) ?? []) {
      bytes += name.length + this.values[at]!.length;
      this.names[at] = undefined;
      this.live--;
    }
    index.delete(name);
    if (this.names.length > 2 * this.live + indexFrom) this.#pack();
    return bytes;
  }

  #indexed(): Map<ByteString, number[]> {
    if (this.#index === undefined) {
      this.#index = new Map();
      this.names.forEach((name, at) => name !== undefined && note(this.#index!, name, at));
    }
    return this.#index;
  }

  #pack(): void {
    this.values = this.values.filter((_, at) => this.names[at] !== undefined);
    this.names = this.names.filter((name) => name !== undefined);
    this.#index = undefined;
  }
}

function note(index: Map<ByteString, number[]>, name: ByteString, at: number): void {
  const known = index.get(name);
  if (known === undefined) index.set(name, [at]);
  else known.push(at);
}

/**
 * A header map as Envoy keeps it: names in lower case, pseudo headers first, the rest in order of arrival, repeated names
 * side by side, except the inline ones, which have one place and join their values with a comma. [E] header_map_impl.cc
 *
 * Names and values are byte strings. A copy shares its entries until one of the two is changed.
 */
export class HeaderMap implements Fields {
  readonly kind: MapKind;
  /** Counts changes: the stream notices that a plugin wrote. */
  version = 0;
  #pseudo: EntryList;
  #rest: EntryList;
  #byteSize: number;
  #encoded: Uint8Array | undefined;
  /** Entries are shared with a copy: they must be copied before they are changed. */
  #shared = false;

  constructor(kind: MapKind, pairs: Iterable<Pair> = []) {
    this.kind = kind;
    this.#pseudo = new EntryList();
    this.#rest = new EntryList();
    this.#byteSize = 0;
    for (const [name, value] of pairs) this.#add(name, value);
  }

  /** A copy that can be changed by itself. */
  copy(): HeaderMap {
    const map = new HeaderMap(this.kind);
    this.#shared = map.#shared = true;
    map.#pseudo = this.#pseudo;
    map.#rest = this.#rest;
    map.#byteSize = this.#byteSize;
    map.#encoded = this.#encoded;
    return map;
  }

  get count(): number {
    return this.#pseudo.live + this.#rest.live;
  }

  get byteSize(): number {
    return this.#byteSize;
  }

  first(name: ByteString): ByteString | undefined {
    const key = this.#key(name);
    const list = this.#listOf(key);
    const at = list.find(key);
    return at < 0 ? undefined : list.values[at];
  }

  /** The first value of a name, in any case of letters. */
  get(name: string): ByteString | undefined {
    return this.first(lowerAscii(name));
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Every value of a name, in order. */
  getAll(name: string): readonly ByteString[] {
    const key = this.#key(lowerAscii(name));
    const list = this.#listOf(key);
    return list.values.filter((_, at) => list.names[at] === key);
  }

  /** Entries in order. */
  pairs(): readonly Pair[] {
    const found: Pair[] = [];
    for (const list of [this.#pseudo, this.#rest]) {
      list.names.forEach((name, at) => name !== undefined && found.push([name, list.values[at]!]));
    }
    return found;
  }

  [Symbol.iterator](): Iterator<Pair> {
    return this.pairs()[Symbol.iterator]();
  }

  /** The encoding is kept until the map changes: a map that many streams begin with is encoded once. */
  encoded(): Uint8Array {
    return (this.#encoded ??= encodePairs(this.pairs()));
  }

  add(name: ByteString, value: ByteString): void {
    this.#changes();
    this.#add(this.#key(name), value);
  }

  replace(name: ByteString, value: ByteString): void {
    this.#changes();
    const key = this.#key(name);
    const list = this.#listOf(key);
    this.#byteSize += key.length + value.length - list.remove(key);
    list.append(key, value);
  }

  remove(name: ByteString): void {
    const key = this.#key(name);
    if (this.#listOf(key).find(key) < 0) {
      this.version++;
      return;
    }
    this.#changes();
    this.#byteSize -= this.#listOf(key).remove(key);
  }

  assign(pairs: readonly Pair[]): void {
    this.#pseudo = new EntryList();
    this.#rest = new EntryList();
    this.#byteSize = 0;
    this.#shared = false;
    this.#encoded = undefined;
    this.version++;
    for (const [name, value] of pairs) this.#add(this.#key(lowerAscii(name)), value);
  }

  /** Overwrites the first value where it stands, or appends: as Envoy does with `server`. */
  overwrite(name: ByteString, value: ByteString): void {
    const list = this.#listOf(name);
    if (list.find(name) < 0) return this.add(name, value);
    this.#changes();
    const own = this.#listOf(name);
    const at = own.find(name);
    this.#byteSize += value.length - own.values[at]!.length;
    own.values[at] = value;
  }

  #add(key: ByteString, value: ByteString): void {
    const list = this.#listOf(key);
    if (inlineNames[this.kind].has(key)) {
      const at = list.find(key);
      if (at >= 0) {
        const present = list.values[at]!;
        if (value === "") return;
        list.values[at] = present === "" ? value : `${present},${value}`;
        this.#byteSize += list.values[at]!.length - present.length;
        return;
      }
    }
    list.append(key, value);
    this.#byteSize += key.length + value.length;
  }

  #key(name: ByteString): ByteString {
    return name === "host" && this.kind === "request" ? ":authority" : name;
  }

  #listOf(key: ByteString): EntryList {
    return key.charCodeAt(0) === 0x3a ? this.#pseudo : this.#rest;
  }

  #changes(): void {
    this.version++;
    this.#encoded = undefined;
    if (!this.#shared) return;
    this.#pseudo = this.#pseudo.copy();
    this.#rest = this.#rest.copy();
    this.#shared = false;
  }
}
