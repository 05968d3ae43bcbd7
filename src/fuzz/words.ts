import { byteString } from "../abi/bytes.js";
import type { FilterOptions } from "../harness/proxy-options.js";
import { configurationBytes } from "../harness/option-values.js";

/** Bytes of memory that are read, and words that are kept: a Go module has thousands of its runtime's. */
const mostBytes = 1 << 20;
const mostWords = 256;

/** Words that the plugin carries: those of its configuration first, then strings of its data, in the order of the memory. */
export function wordsIn(memory: Uint8Array, configuration: FilterOptions["configuration"]): string[] {
  const words = new Set<string>();
  const take = (text: string): void => {
    for (const [word] of text.matchAll(/[\x20-\x7e]{2,64}/g)) {
      if (words.size >= mostWords) return;
      const trimmed = word.trim();
      if (trimmed.length > 1) words.add(trimmed);
    }
  };
  take(byteString(configurationBytes(configuration)).replace(/["{}[\],:]/g, "\0"));
  take(byteString(memory.subarray(0, mostBytes)));
  return [...words];
}
