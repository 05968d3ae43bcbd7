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

const names = Object.entries(responseFlags) as [ResponseFlag, number][];

/** `UF,URX`; `-` for none. */
export function flagNames(flags: number): string {
  if (flags === 0) return "-";
  const set = names.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  return set.join(",");
}
