import { Status } from "../../abi/enums.js";

/** How long an object of the filter state lives: with the filter chain, with the request, with the connection. */
export type LifeSpan = 0 | 1 | 2;
const connectionSpan = 2;

/** Numbers that name no span mean the filter chain. [R] */
export const lifeSpan = (given: number): LifeSpan => (given === 1 || given === 2 ? given : 0);

interface Entry {
  value: Uint8Array;
  readonly span: LifeSpan;
  readonly readOnly: boolean;
}

/**
 * Objects that filters of a stream share by name; those of span 2 are the connection's. [E] FilterStateImpl
 *
 * On HTTP spans 0 and 1 end together, with the stream.
 */
export class FilterState {
  private readonly _entries = new Map<string, Entry>();
  private readonly _connection: FilterState | undefined;

  constructor(connection?: FilterState) {
    this._connection = connection;
  }

  get(name: string): Uint8Array | undefined {
    return this._find(name)?.value;
  }

  /** Stores an object anew; false when the name is there with another span: nothing is stored then. */
  put(name: string, value: Uint8Array, span: LifeSpan): boolean {
    const there = this._find(name);
    if (there !== undefined && there.span !== span) return false;
    this._add(name, { value, span, readOnly: false });
    return true;
  }

  /** Sets what a plugin calls a property: BAD_ARGUMENT when it is there and can only be read. */
  setProperty(name: string, value: Uint8Array, span: LifeSpan, readOnly: boolean): Status {
    const there = this._find(name);
    if (there === undefined) this._add(name, { value, span, readOnly });
    else if (there.readOnly) return Status.BadArgument;
    else there.value = value;
    return Status.Ok;
  }

  /** Every object that the stream sees, by name. */
  all(): ReadonlyMap<string, Uint8Array> {
    const all = new Map<string, Uint8Array>();
    for (const entries of [this._connection?._entries ?? [], this._entries]) {
      for (const [name, { value }] of entries) all.set(name, value);
    }
    return all;
  }

  private _find(name: string): Entry | undefined {
    return this._entries.get(name) ?? this._connection?._entries.get(name);
  }

  private _add(name: string, entry: Entry): void {
    const owner = entry.span === connectionSpan ? (this._connection ?? this) : this;
    owner._entries.set(name, entry);
  }
}
