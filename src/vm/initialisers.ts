import type { BinaryReader } from "./binary.js";
import type { FeatureName } from "./module-types.js";
import { readHeapType, readValueType } from "./value-types.js";

/** i32 and i64 add, sub, mul: constant only since the extended-const proposal. */
const extendedConst: ReadonlySet<number> = new Set([0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e]);

/** Passes over a constant expression: what a global, a segment's offset or an element starts with. Spec §3.4.13. */
export function skipInitialiser(reader: BinaryReader, needs: Set<FeatureName>): void {
  for (;;) {
    const at = reader.at;
    const code = reader.u8("an initialiser");
    if (code === 0x0b) return;
    if (code === 0x41) reader.signedLeb("an i32.const");
    else if (code === 0x42) reader.signedLeb64("an i64.const");
    else if (code === 0x43) reader.skip(4, "an f32.const");
    else if (code === 0x44) reader.skip(8, "an f64.const");
    else if (code === 0x23) reader.leb("a global.get");
    else if (code === 0xd0) readHeapType(reader);
    else if (code === 0xd2) reader.leb("a ref.func");
    else if (code === 0xfb) skipGc(reader, needs);
    else if (code === 0xfd && reader.leb("a vector instruction") === 12) skipVector(reader, needs);
    else if (extendedConst.has(code)) needs.add("extended-const");
    else throw reader.invalid("an initialiser", `instruction 0x${code.toString(16)} is not constant`, at);
  }
}

function skipVector(reader: BinaryReader, needs: Set<FeatureName>): void {
  reader.skip(16, "a v128.const");
  needs.add("simd128");
}

function skipGc(reader: BinaryReader, needs: Set<FeatureName>): void {
  needs.add("gc");
  const code = reader.leb("a GC instruction");
  if (code >= 0x1a && code <= 0x1c) return; // any.convert_extern, extern.convert_any, ref.i31
  if (![0, 1, 6, 7, 8].includes(code)) throw reader.invalid("a GC instruction", `${code} is not constant`);
  reader.leb("a type index"); // struct.new, struct.new_default, array.new, array.new_default
  if (code === 8) reader.leb("the size of an array"); // array.new_fixed
}

/** Passes over an element segment. Flags: 1 passive or declared, 2 names its table or is declared, 4 holds expressions. */
export function skipElementSegment(reader: BinaryReader, needs: Set<FeatureName>): void {
  const at = reader.at;
  const flags = reader.leb("the flags of an element segment");
  if (flags > 7) throw reader.invalid("the flags of an element segment", `${flags} is not known`, at);
  if ((flags & 1) === 0) {
    if ((flags & 2) !== 0) reader.leb("a table index");
    skipInitialiser(reader, needs);
  }
  const expressions = (flags & 4) !== 0;
  if ((flags & 3) !== 0) {
    if (expressions) readValueType(reader, needs);
    else reader.u8("the kind of elements");
  }
  for (let left = reader.leb("the number of elements"); left > 0; left--) {
    if (expressions) skipInitialiser(reader, needs);
    else reader.leb("a function index");
  }
}

/** Passes over a data segment and answers how many bytes it holds. */
export function skipDataSegment(reader: BinaryReader, needs: Set<FeatureName>): number {
  const at = reader.at;
  const flags = reader.leb("the flags of a data segment");
  if (flags > 2) throw reader.invalid("the flags of a data segment", `${flags} is not known`, at);
  if (flags === 1) needs.add("bulk-memory");
  if (flags === 2) reader.leb("a memory index");
  if (flags !== 1) skipInitialiser(reader, needs);
  const size = reader.leb("the size of a data segment");
  reader.skip(size, "a data segment");
  return size;
}
