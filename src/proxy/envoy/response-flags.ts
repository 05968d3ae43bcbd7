/** Response flags as access logs abbreviate them, with the bit that property `response.flags` shows. [E] */
export const responseFlags = {
  UH: 0x2,
  UT: 0x4,
  LR: 0x8,
  UR: 0x10,
  UF: 0x20,
  UC: 0x40,
  UO: 0x80,
  NR: 0x100,
  URX: 0x2000,
  DC: 0x4000,
  SI: 0x10000,
  DPE: 0x40000,
  NC: 0x400000,
  UPE: 0x800000,
  DR: 0x10000000,
} as const;
export type ResponseFlag = keyof typeof responseFlags;

/** The flags of a stream, in the order in which they were set: that is how Envoy prints them. */
export class FlagSet {
  /** As property `response.flags` shows them. */
  bits = 0;
  private _names = "-";

  set(flag: ResponseFlag): void {
    if ((this.bits & responseFlags[flag]) !== 0) return;
    this.bits |= responseFlags[flag];
    this._names = this._names === "-" ? flag : `${this._names},${flag}`;
  }

  /** `UF,URX`; `-` for none. */
  toString(): string {
    return this._names;
  }
}
