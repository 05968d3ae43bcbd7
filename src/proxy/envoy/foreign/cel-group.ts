/**
 * A map that CEL looks into and that is not computed as a whole: `request`, `xds.node`.
 *
 * It passes for a Map, because the library steps into those with `get`; by itself a group has no bytes, and a message has.
 */
export class CelGroup extends Map<string, unknown> {
  /** Those of a message. */
  readonly bytes: Uint8Array | undefined;
  private readonly _find: (name: string) => unknown;

  constructor(find: (name: string) => unknown, bytes?: Uint8Array) {
    super();
    this._find = find;
    this.bytes = bytes;
  }

  override get(name: string): unknown {
    return this._find(name);
  }
  override has(name: string): boolean {
    return this._find(name) !== undefined;
  }
}

// the library tells kinds of values by their constructor
Object.defineProperty(CelGroup.prototype, "constructor", { value: Map });
