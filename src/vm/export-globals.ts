import { concat, utf8 } from "../abi/bytes.js";
import { BinaryReader } from "./binary.js";
import { unsigned } from "./module-writer.js";
import type { ModuleInfo } from "./module-types.js";

/** Begins the names of the exports that are added, unless the module has such names itself. */
const usualPrefix = "pwh:global:";

const exportSection = 7;
const globalKind = 3;

/** A module whose mutable globals can be read and written from outside. */
export interface OpenedModule {
  readonly bytes: Uint8Array;
  /** By how much offsets in the code section are larger than in the original. */
  readonly shift: number;
  /** Begins the names under which the globals are exported. */
  readonly globalPrefix: string;
}

const leb = (value: number): Uint8Array => new Uint8Array(unsigned(value));

/**
 * The same module with its own mutable globals exported: a snapshot has to hold them beside the memory. AssemblyScript keeps
 * its collector's state there, and every toolchain its stack pointer. Nothing else of the module changes.
 */
export function exportGlobals(info: ModuleInfo, bytes: Uint8Array): OpenedModule {
  let globalPrefix = usualPrefix;
  while (info.exports.some(({ name }) => name.startsWith(globalPrefix))) globalPrefix += ":";
  const imported = info.imports.filter(({ kind }) => kind === "global").length;
  const mutable = info.globals.flatMap(({ mutable: changes }, i) => (changes ? [imported + i] : []));
  if (mutable.length === 0) return { bytes, shift: 0, globalPrefix };
  const reader = new BinaryReader(bytes, 8);
  while (!reader.done) {
    const start = reader.at;
    const id = reader.u8("section id");
    const size = reader.leb("section size");
    const body = reader.at;
    if (id === exportSection) {
      const count = reader.leb("export count");
      const entries = bytes.subarray(reader.at, body + size);
      const added = concat(mutable.map((index) => entryOf(globalPrefix, index)));
      const content = concat([leb(count + mutable.length), entries, added]);
      const section = concat([new Uint8Array([exportSection]), leb(content.length), content]);
      const whole = concat([bytes.subarray(0, start), section, bytes.subarray(body + size)]);
      return { bytes: whole, shift: whole.length - bytes.length, globalPrefix };
    }
    reader.skip(size, "section");
  }
  return { bytes, shift: 0, globalPrefix };
}

function entryOf(prefix: string, index: number): Uint8Array {
  const name = utf8(prefix + index);
  return concat([leb(name.length), name, new Uint8Array([globalKind]), leb(index)]);
}
