import { limits } from "../abi/limits.js";
import { concat } from "../abi/bytes.js";
import type { ModuleInfo } from "./module-types.js";
import type { Rewriter } from "./rewrite-sections.js";
import { leb } from "./rewrite-sections.js";

/** The maximum that a guest's memory gets: its own, or the host's where that is less. [H] */
export const cappedMaximum = (max: number | undefined): number => Math.min(max ?? Infinity, limits.memoryPages);

/**
 * Gives the module's own memories the host's maximum where theirs is larger, or none: Node would let them grow to 4 GiB.
 * Undefined where there is nothing to do: also for pages of another size, and for a memory that begins too large, which is
 * refused before it is made.
 */
export function capMemory(info: ModuleInfo): Rewriter | undefined {
  const own = info.memories.filter(({ imported }) => !imported);
  if (own.every(({ max }) => max !== undefined && max <= limits.memoryPages)) return undefined;
  if (own.some(({ min, pageSize }) => pageSize !== undefined || min > limits.memoryPages)) return undefined;
  const entries = own.map(({ min, max, shared, is64 }) => {
    const flags = 1 | (shared ? 2 : 0) | (is64 ? 4 : 0);
    return concat([new Uint8Array([flags]), leb(min), leb(cappedMaximum(max))]);
  });
  return () => concat([leb(own.length), ...entries]);
}
