import { concat, utf8 } from "../abi/bytes.js";
import { BinaryReader } from "./binary.js";
import type { ModuleInfo } from "./module-types.js";
import type { Rewriter } from "./rewrite-sections.js";
import { leb } from "./rewrite-sections.js";

/** Begins the names of the exports that are added, unless the module has such names itself. */
const usualPrefix = "pwh:global:";

const globalKind = 3;

/** What begins the names under which a module's globals are exported. */
export function globalPrefixFor(info: ModuleInfo): string {
  let prefix = usualPrefix;
  while (info.exports.some(({ name }) => name.startsWith(prefix))) prefix += ":";
  return prefix;
}

/**
 * Exports the module's own mutable globals: a snapshot has to hold them beside the memory. AssemblyScript keeps its collector's
 * state there, and every toolchain its stack pointer. Undefined for a module that has none.
 */
export function exportGlobals(info: ModuleInfo, prefix: string): Rewriter | undefined {
  const imported = info.imports.filter(({ kind }) => kind === "global").length;
  const mutable = info.globals.flatMap(({ mutable: changes }, i) => (changes ? [imported + i] : []));
  if (mutable.length === 0) return undefined;
  return (content) => {
    const reader = new BinaryReader(content, 0);
    const count = reader.leb("export count");
    const entries = content.subarray(reader.at);
    return concat([leb(count + mutable.length), entries, ...mutable.map((index) => entryOf(prefix, index))]);
  };
}

function entryOf(prefix: string, index: number): Uint8Array {
  const name = utf8(prefix + index);
  return concat([leb(name.length), name, new Uint8Array([globalKind]), leb(index)]);
}
