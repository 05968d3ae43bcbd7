import type { BinaryReader } from "./binary.js";
import type { FeatureName, FunctionType, GlobalType, Limits, TableType, ValueType } from "./module-types.js";

/** Value types of one byte and what they need beyond WebAssembly 1.0. Spec §5.3; packed ones only in GC types. */
const valueTypes: ReadonlyMap<number, readonly [ValueType, FeatureName?]> = new Map([
  [0x7f, ["i32"]],
  [0x7e, ["i64"]],
  [0x7d, ["f32"]],
  [0x7c, ["f64"]],
  [0x7b, ["v128", "simd128"]],
  [0x78, ["i8", "gc"]],
  [0x77, ["i16", "gc"]],
  [0x70, ["funcref", "reference-types"]],
  [0x6f, ["externref", "reference-types"]],
  [0x74, ["nullexnref", "exnref"]],
  [0x69, ["exnref", "exnref"]],
  [0x73, ["nullfuncref", "gc"]],
  [0x72, ["nullexternref", "gc"]],
  [0x71, ["nullref", "gc"]],
  [0x6e, ["anyref", "gc"]],
  [0x6d, ["eqref", "gc"]],
  [0x6c, ["i31ref", "gc"]],
  [0x6b, ["structref", "gc"]],
  [0x6a, ["arrayref", "gc"]],
]);

/** Reads a value type and adds to `needs` what it takes. */
export function readValueType(reader: BinaryReader, needs: Set<FeatureName>): ValueType {
  const at = reader.at;
  const code = reader.u8("a value type");
  const known = valueTypes.get(code);
  if (known !== undefined) {
    if (known[1] !== undefined) needs.add(known[1]);
    return known[0];
  }
  if (code !== 0x63 && code !== 0x64) throw reader.invalid("a value type", `0x${code.toString(16)} is none`, at);
  needs.add("gc");
  return `(ref ${code === 0x63 ? "null " : ""}${readHeapType(reader)})`;
}

/** A type index, or the name of an abstract heap type (`func`, `extern`). */
export function readHeapType(reader: BinaryReader): string {
  const at = reader.at;
  const code = reader.signedLeb64("a heap type");
  if (code >= 0n) return String(code);
  const name = valueTypes.get(Number(code) & 0x7f)?.[0];
  if (name === undefined || !name.endsWith("ref")) throw reader.invalid("a heap type", `${code} is none`, at);
  return name.slice(0, -"ref".length);
}

/** Adds what a recursion group of the type section defines; undefined for what is no function type. */
export function readRecursiveTypes(
  reader: BinaryReader,
  types: (FunctionType | undefined)[],
  needs: Set<FeatureName>,
): void {
  const at = reader.at;
  const form = reader.u8("a type");
  if (form !== 0x4e) {
    types.push(readSubType(form, at, reader, needs));
    return;
  }
  needs.add("gc");
  for (let left = reader.leb("the number of types in a group"); left > 0; left--) {
    const start = reader.at;
    types.push(readSubType(reader.u8("a type"), start, reader, needs));
  }
}

function readSubType(
  form: number,
  at: number,
  reader: BinaryReader,
  needs: Set<FeatureName>,
): FunctionType | undefined {
  if (form === 0x60) {
    const params = readValueTypes(reader, needs);
    const results = readValueTypes(reader, needs);
    if (results.length > 1) needs.add("multivalue");
    return { params, results };
  }
  needs.add("gc");
  if (form === 0x5f) {
    for (let left = reader.leb("the number of fields"); left > 0; left--) readField(reader, needs);
    return undefined;
  }
  if (form === 0x5e) {
    readField(reader, needs);
    return undefined;
  }
  if (form !== 0x50 && form !== 0x4f) throw reader.invalid("a type", `0x${form.toString(16)} is no form of type`, at);
  for (let left = reader.leb("the number of supertypes"); left > 0; left--) reader.leb("a supertype");
  const start = reader.at;
  const inner = reader.u8("a type");
  if (inner === 0x50 || inner === 0x4f) throw reader.invalid("a type", "a subtype within a subtype", start);
  return readSubType(inner, start, reader, needs);
}

function readValueTypes(reader: BinaryReader, needs: Set<FeatureName>): ValueType[] {
  const types: ValueType[] = [];
  for (let left = reader.leb("the number of value types"); left > 0; left--) types.push(readValueType(reader, needs));
  return types;
}

function readField(reader: BinaryReader, needs: Set<FeatureName>): void {
  readValueType(reader, needs);
  reader.u8("whether a field is mutable");
}

export function readGlobalType(reader: BinaryReader, needs: Set<FeatureName>): GlobalType {
  return { type: readValueType(reader, needs), mutable: (reader.u8("whether a global is mutable") & 1) === 1 };
}

/** A table of functions is WebAssembly 1.0; of anything else it is not. */
export function readTableType(reader: BinaryReader, needs: Set<FeatureName>): TableType {
  const needed = new Set<FeatureName>();
  const element = readValueType(reader, needed);
  if (element !== "funcref") for (const name of needed) needs.add(name);
  const limits = readLimits(reader);
  if (limits.is64) needs.add("table64");
  return { element, ...limits };
}

export function readMemoryType(reader: BinaryReader, needs: Set<FeatureName>): Limits {
  const limits = readLimits(reader);
  if (limits.shared) needs.add("atomics");
  if (limits.is64) needs.add("memory64");
  if (limits.pageSize !== undefined) needs.add("custom-page-sizes");
  return limits;
}

/** Flags: 1 has a maximum, 2 shared, 4 is 64 bits wide, 8 states its page size. */
function readLimits(reader: BinaryReader): Limits {
  const at = reader.at;
  const flags = reader.u8("the flags of limits");
  if (flags > 0x0f) throw reader.invalid("the flags of limits", `0x${flags.toString(16)} is not known`, at);
  const is64 = (flags & 4) !== 0;
  const size = (what: string): number => (is64 ? Number(reader.leb64(what)) : reader.leb(what));
  const min = size("the minimum of limits");
  return {
    min,
    ...((flags & 1) !== 0 && { max: size("the maximum of limits") }),
    shared: (flags & 2) !== 0,
    is64,
    ...((flags & 8) !== 0 && { pageSize: 2 ** (reader.leb("the page size") & 0x1f) }),
  };
}
