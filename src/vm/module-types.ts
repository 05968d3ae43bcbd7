/** The shapes that `readModule` gives. Kinds and type names are those of the WebAssembly text format and JS API. */

export type ExternalKind = "function" | "table" | "memory" | "global" | "tag";

/** `i32`, `i64`, `f32`, `f64`, `v128`, or a reference: `funcref`, `externref`, `(ref null 3)`. */
export type ValueType = string;

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** Sizes in pages of a memory, or in elements of a table. */
export interface Limits {
  readonly min: number;
  readonly max?: number;
  readonly shared: boolean;
  /** Addresses or indexes are i64. */
  readonly is64: boolean;
  /** Bytes in a page, where a memory states it; else 65,536. */
  readonly pageSize?: number;
}

export interface TableType extends Limits {
  readonly element: ValueType;
}

export interface GlobalType {
  readonly type: ValueType;
  readonly mutable: boolean;
}

export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  /** Of a function or a tag. */
  readonly type?: FunctionType;
  readonly table?: TableType;
  readonly memory?: Limits;
  readonly global?: GlobalType;
}

export interface ModuleExport {
  readonly name: string;
  readonly kind: ExternalKind;
  readonly index: number;
  /** Of a function. */
  readonly type?: FunctionType;
}

export interface MemoryInfo extends Limits {
  readonly imported: boolean;
  /** Its first name, when it is exported. */
  readonly exportName?: string;
}

/** Offsets in the file: the first byte, and the byte behind the last. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface CustomSection extends Range {
  readonly name: string;
}

/** A WebAssembly feature, by its name in the `target_features` section of LLVM and Binaryen where it has one. */
export type FeatureName =
  | "mutable-globals"
  | "sign-ext"
  | "nontrapping-fptoint"
  | "bulk-memory"
  | "reference-types"
  | "multivalue"
  | "simd128"
  | "tail-call"
  | "atomics"
  | "exception-handling"
  | "exnref"
  | "extended-const"
  | "multimemory"
  | "memory64"
  | "table64"
  | "gc"
  | "relaxed-simd"
  | "custom-page-sizes"
  | "wide-arithmetic";

export interface ModuleInfo {
  /** Bytes of the file. */
  readonly size: number;
  /** By type index; undefined stands for the struct and array types of the GC proposal. */
  readonly types: readonly (FunctionType | undefined)[];
  /** In the order of the file; the same one may come twice. */
  readonly imports: readonly ModuleImport[];
  readonly exports: readonly ModuleExport[];
  /** Memory 0, which every instruction of a module with one memory uses. */
  readonly memory?: MemoryInfo;
  readonly memories: readonly MemoryInfo[];
  /** Imported ones first. */
  readonly tables: readonly (TableType & { readonly imported: boolean })[];
  /** The module's own, without the imported ones. */
  readonly globals: readonly GlobalType[];
  /** Index of the function that runs while the module is instantiated. */
  readonly start?: number;
  readonly functionCount: { readonly imported: number; readonly own: number };
  /** Body of the code section, from its count of functions on: what DWARF addresses are relative to. */
  readonly codeSection?: Range;
  /** Where the body of each own function lies, from its locals on; read from the code section when first asked for. */
  readonly bodies: readonly Range[];
  /** Bytes of all data segments. */
  readonly dataSize: number;
  /** In the order of the file; the range leaves out the name. */
  readonly customSections: readonly CustomSection[];
  /** Features that the types, sections and initialisers need. Function bodies are not looked into. */
  readonly needs: ReadonlySet<FeatureName>;
}

/** A type as Envoy prints it when a link fails: `i32 i32 -> i32`, `void -> i32`. */
export function signature(type: { readonly params: readonly string[]; readonly results: readonly string[] }): string {
  return `${type.params.join(" ") || "void"} -> ${type.results.join(" ") || "void"}`;
}
