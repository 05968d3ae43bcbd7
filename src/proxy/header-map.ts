import type { ByteString } from "../abi/bytes.js";
import { lowerAscii } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { encodePairs } from "../abi/pairs.js";
import type { Fields } from "../host/stream-port.js";
import type { MapKind } from "./inline-headers.js";
import { inlineNames } from "./inline-headers.js";

/** Entries from which on names are looked up in an index instead of one by one. */
const indexFrom = 32;

/** Names and values in turn; a removed entry leaves a hole, an undefined name, where it was in a large map and else at the end. */
type Entries = (ByteString | undefined)[];

/** What every empty map begins with, shared like the entries of a copy. */
const none: Entries = [];

/**
 * A header map as Envoy keeps it: names in lower case, pseudo headers first, the rest in order of arrival, repeated names
 * side by side, except the inline ones, which have one place and join their values with a comma. [E] header_map_impl.cc
 *
 * Names and values are byte strings. A copy shares its entries until one of the two is changed.
 */
export class HeaderMap implements Fields {
  readonly kind: MapKind;
  private entries: Entries;
  /** Where the pseudo headers end in `entries`. */
  private pseudoEnd = 0;
  private live = 0;
  private bytes = 0;
  /** Entries are shared with a copy: they must be copied before they are changed. */
  private shared = true;
  private encoding: Uint8Array | undefined = undefined;
  /** The map this is a copy of: its encoding is ours as long as we share its entries. */
  private source: HeaderMap | undefined = undefined;
  /** Positions by name, for large maps; dropped when positions move. */
  private index: Map<ByteString, number[]> | undefined = undefined;

  /** Names with a single place in this kind of map. */
  private readonly inline: ReadonlySet<string>;

  /** @param inline For copies, which have it at hand. */
  constructor(kind: MapKind, pairs?: Iterable<Pair>, inline: ReadonlySet<string> = inlineNames[kind]) {
    this.kind = kind;
    this.inline = inline;
    this.entries = none;
    if (pairs === undefined) return;
    this.entries = [];
    this.shared = false;
    for (const [name, value] of pairs) this.insert(this.keyOf(name), value);
  }

  /** A copy that can be changed by itself. */
  copy(): HeaderMap {
    const map = new HeaderMap(this.kind, undefined, this.inline);
    this.shared = map.shared = true;
    map.entries = this.entries;
    map.pseudoEnd = this.pseudoEnd;
    map.live = this.live;
    map.bytes = this.bytes;
    map.source = this;
    return map;
  }

  get count(): number {
    return this.live;
  }

  get byteSize(): number {
    return this.bytes;
  }

  first(name: ByteString): ByteString | undefined {
    const at = this.find(this.keyOf(name));
    return at < 0 ? undefined : this.entries[at + 1];
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
    const key = this.keyOf(lowerAscii(name));
    return this.pairs()
      .filter(([one]) => one === key)
      .map(([, value]) => value);
  }

  /** Entries in order. */
  pairs(): readonly Pair[] {
    const found: Pair[] = [];
    const { entries } = this;
    for (let i = 0; i < entries.length; i += 2) {
      const name = entries[i];
      if (name !== undefined) found.push([name, entries[i + 1]!]);
    }
    return found;
  }

  /** Is there a name that is one of these? */
  hasAny(names: ReadonlySet<ByteString>): boolean {
    const { entries } = this;
    for (let i = 0; i < entries.length; i += 2) if (names.has(entries[i]!)) return true;
    return false;
  }

  /** The first entry for which `test` is true. */
  findEntry(test: (name: ByteString, value: ByteString) => boolean): Pair | undefined {
    const { entries } = this;
    for (let i = 0; i < entries.length; i += 2) {
      const name = entries[i];
      if (name !== undefined && test(name, entries[i + 1]!)) return [name, entries[i + 1]!];
    }
    return undefined;
  }

  [Symbol.iterator](): Iterator<Pair> {
    return this.pairs()[Symbol.iterator]();
  }

  /** The encoding is kept until the map changes: a map that many streams begin with is encoded once. */
  encoded(): Uint8Array {
    const { source } = this;
    if (source !== undefined && source.entries === this.entries) return source.encoded();
    return (this.encoding ??= encodePairs(this.pairs()));
  }

  add(name: ByteString, value: ByteString): void {
    const key = this.keyOf(name);
    if (this.shared && !this.inline.has(key)) return this.rebuild(undefined, key, value);
    this.own();
    this.insert(key, value);
  }

  replace(name: ByteString, value: ByteString): void {
    const key = this.keyOf(name);
    if (this.live < indexFrom) return this.rebuild(key, key, value);
    this.delete(key);
    this.own();
    this.append(key, value);
  }

  remove(name: ByteString): void {
    this.delete(this.keyOf(name));
  }

  assign(pairs: readonly Pair[]): void {
    this.entries = [];
    this.pseudoEnd = this.live = this.bytes = 0;
    this.shared = false;
    this.encoding = this.source = undefined;
    this.index = undefined;
    for (const [name, value] of pairs) this.insert(this.keyOf(lowerAscii(name)), value);
  }

  /** Overwrites the first value where it stands, or appends: as Envoy does with `server`. */
  overwrite(name: ByteString, value: ByteString): void {
    const at = this.find(name);
    if (at < 0) return this.add(name, value);
    this.own();
    this.bytes += value.length - this.entries[at + 1]!.length;
    this.entries[at + 1] = value;
  }

  /** Adds an entry by Envoy's rules; the entries are our own. */
  private insert(key: ByteString, value: ByteString): void {
    if (this.inline.has(key)) {
      const at = this.find(key);
      if (at >= 0) {
        const present = this.entries[at + 1]!;
        if (value === "") return;
        const joined = present === "" ? value : `${present},${value}`;
        this.entries[at + 1] = joined;
        this.bytes += joined.length - present.length;
        return;
      }
    }
    this.append(key, value);
  }

  private append(key: ByteString, value: ByteString): void {
    const { entries } = this;
    if (key.charCodeAt(0) === 0x3a) {
      if (this.pseudoEnd < entries.length) {
        entries.splice(this.pseudoEnd, 0, key, value);
        this.index = undefined;
      } else {
        entries.push(key, value);
      }
      this.pseudoEnd += 2;
    } else {
      if (this.index !== undefined) note(this.index, key, entries.length);
      entries.push(key, value);
    }
    this.live++;
    this.bytes += key.length + value.length;
  }

  /** Removes every entry of a name. */
  private delete(key: ByteString): void {
    const first = this.find(key);
    if (first < 0) return;
    if (this.live < indexFrom) return this.rebuild(key, undefined, "");
    this.own();
    for (const at of this.indexed().get(key)!) {
      this.bytes -= key.length + this.entries[at + 1]!.length;
      this.entries[at] = undefined;
      this.live--;
    }
    this.indexed().delete(key);
    if (this.entries.length > 4 * this.live + 4 * indexFrom) this.pack();
  }

  /**
   * Writes the entries anew, without those named `gone` and with one more at the end of its block: in one array that is long
   * enough from the start, since a copy that grows afterwards takes thrice the space.
   */
  private rebuild(gone: ByteString | undefined, added: ByteString | undefined, value: ByteString): void {
    const { entries } = this;
    const isPseudo = added !== undefined && added.charCodeAt(0) === 0x3a;
    // what is gone leaves a hole at the end, since setting a length costs as much as the rest of this
    // oxlint-disable-next-line unicorn/no-new-array -- its length is the point
    const kept: Entries = new Array<ByteString | undefined>(2 * this.live + (added === undefined ? 0 : 2));
    let to = 0;
    let at = -1;
    let pseudoEnd = 0;
    for (let i = 0; i < entries.length; i += 2) {
      if (isPseudo && i === this.pseudoEnd) {
        at = to;
        to += 2;
      }
      const name = entries[i];
      if (name === undefined) continue;
      const one = entries[i + 1]!;
      if (name === gone) {
        this.bytes -= name.length + one.length;
        this.live--;
        continue;
      }
      kept[to] = name;
      kept[to + 1] = one;
      to += 2;
      if (i < this.pseudoEnd) pseudoEnd = to;
    }
    if (added !== undefined) {
      if (at < 0) {
        at = to;
        to += 2;
      }
      kept[at] = added;
      kept[at + 1] = value;
      if (isPseudo) pseudoEnd = at + 2;
      this.live++;
      this.bytes += added.length + value.length;
    }
    this.entries = kept;
    this.pseudoEnd = pseudoEnd;
    this.index = undefined;
    this.shared = false;
    this.encoding = this.source = undefined;
  }

  /** Position of the first entry of a name, or -1. */
  private find(key: ByteString): number {
    const { entries } = this;
    if (this.live >= indexFrom) return this.indexed().get(key)?.[0] ?? -1;
    for (let i = 0; i < entries.length; i += 2) if (entries[i] === key) return i;
    return -1;
  }

  private indexed(): Map<ByteString, number[]> {
    if (this.index === undefined) {
      const index = (this.index = new Map<ByteString, number[]>());
      const { entries } = this;
      for (let i = 0; i < entries.length; i += 2) if (entries[i] !== undefined) note(index, entries[i]!, i);
    }
    return this.index;
  }

  /** Closes the holes; the entries are our own. */
  private pack(): void {
    const { entries } = this;
    let to = 0;
    let pseudoEnd = 0;
    for (let i = 0; i < entries.length; i += 2) {
      if (entries[i] === undefined) continue;
      entries[to] = entries[i];
      entries[to + 1] = entries[i + 1];
      to += 2;
      if (i < this.pseudoEnd) pseudoEnd = to;
    }
    entries.length = to;
    this.pseudoEnd = pseudoEnd;
    this.index = undefined;
  }

  private keyOf(name: ByteString): ByteString {
    return name === "host" && this.kind === "request" ? ":authority" : name;
  }

  /** Makes the entries our own before they change; the encoding is no longer right. */
  private own(): void {
    this.encoding = undefined;
    if (!this.shared) return;
    this.entries = this.entries.slice();
    this.shared = false;
    this.source = undefined;
  }
}

function note(index: Map<ByteString, number[]>, name: ByteString, at: number): void {
  const known = index.get(name);
  if (known === undefined) index.set(name, [at]);
  else known.push(at);
}
