import { concat } from "../abi/bytes.js";
import { BinaryReader } from "./binary.js";
import { Op, constant, emptyBlock, unsigned } from "./module-writer.js";
import type { ModuleInfo, Range } from "./module-types.js";
import { functionNames } from "./name-section.js";
import type { Rewriter } from "./rewrite-sections.js";
import { leb, rewriteSections } from "./rewrite-sections.js";

/** A module that counts the calls of its own allocator, and the bytes they ask for, in its last two mutable globals. */
export interface AllocationCounting {
  readonly bytes: Uint8Array;
  /** The functions that are counted. */
  readonly allocator: readonly string[];
}

/** Where a function finds the size that is asked of it. `stack`: Go's own, on which each argument has 8 bytes behind an address. */
type Size = { readonly parameter: number } | "stack";

/** The allocators of the toolchains by the names that they give them, the innermost first; the first that a module has is counted. */
const allocators: readonly (readonly [name: RegExp, size: Size][])[] = [
  [[/^runtime\.mallocgc(Tiny|Small\w*|Large)$/, "stack"]], // Go 1.24 and newer
  [[/^runtime\.mallocgc$/, "stack"]],
  [[/^runtime\.alloc$/, { parameter: 0 }]], // TinyGo
  [
    [/^(__rust_alloc|__rust_alloc_zeroed|_R\w*___rust_alloc|_R\w*___rust_alloc_zeroed)$/, { parameter: 0 }],
    [/^(__rust_realloc|_R\w*___rust_realloc)$/, { parameter: 3 }],
  ],
  [[/^dlmalloc$/, { parameter: 0 }]], // wasi-libc
  [[/^malloc$/, { parameter: 0 }]],
  [[/^~lib\/rt\/\w+\/__new$/, { parameter: 0 }]], // AssemblyScript
];

const [globalSection, codeSection] = [6, 10];
const [i32, i64, mutable] = [0x7f, 0x7e, 1];
const [i32Eqz, i64Load, i64ExtendU, i64Add, i64Const] = [0x45, 0x29, 0xad, 0x7c, 0x42];

/**
 * The module with counters in its allocator. Undefined where no name tells which function that is: there is no name section, or
 * the program brings an allocator of its own; and where the module has no globals, to which counters would be added.
 *
 * @throws {HarnessError} WASM_INVALID for a body that cannot be read.
 */
export function countAllocations(bytes: Uint8Array, info: ModuleInfo): AllocationCounting | undefined {
  const names = functionNames(info, bytes);
  const { imported } = info.functionCount;
  const found = allocators
    .map((group) => [...names].flatMap(([index, name]) => sizeIn(group, name, index >= imported ? index : undefined)))
    .find((functions) => functions.length > 0);
  const hasGlobals = info.globals.length > 0; // then there is a section of them
  if (found === undefined || !hasGlobals) return undefined;
  const first = info.imports.filter(({ kind }) => kind === "global").length + info.globals.length;
  const inserted = new Map(found.map(({ index, size }) => [index - imported, counting(size, first)]));
  const { bytes: counted } = rewriteSections(
    bytes,
    new Map<number, Rewriter>([
      [globalSection, withGlobals],
      [codeSection, () => codeWith(bytes, info.bodies, inserted)],
    ]),
  );
  return { bytes: counted, allocator: found.map(({ name }) => name) };
}

function sizeIn(group: readonly (readonly [RegExp, Size])[], name: string, index: number | undefined) {
  const size = group.find(([one]) => one.test(name))?.[1];
  return size === undefined || index === undefined ? [] : [{ index, name, size }];
}

/** Two more, of 0: an i32 of calls, an i64 of bytes. */
function withGlobals(content: Uint8Array): Uint8Array {
  const reader = new BinaryReader(content);
  const count = reader.leb("the number of globals");
  const calls = [i32, mutable, ...constant(0), Op.end];
  const asked = [i64, mutable, i64Const, 0, Op.end];
  return concat([leb(count + 2), content.subarray(reader.at), Uint8Array.from([...calls, ...asked])]);
}

/** What stands at the head of an allocator. */
function counting(size: Size, calls: number): Uint8Array {
  const asked = unsigned(calls + 1);
  const one = [Op.globalGet, ...unsigned(calls), ...constant(1), Op.i32Add, Op.globalSet, ...unsigned(calls)];
  const sum = (bytes: readonly number[]): number[] => [
    Op.globalGet,
    ...asked,
    ...bytes,
    i64Add,
    Op.globalSet,
    ...asked,
  ];
  if (size !== "stack") return Uint8Array.from([...one, ...sum([Op.localGet, size.parameter, i64ExtendU])]);
  // its first global is the stack pointer; a function that goes on after a switch of goroutines begins at a block above 0
  const load = [Op.globalGet, 0, i64Load, 3, 8];
  return Uint8Array.from([Op.localGet, 0, i32Eqz, Op.if, emptyBlock, ...one, ...sum(load), Op.end]);
}

function codeWith(bytes: Uint8Array, bodies: readonly Range[], inserted: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const parts = [leb(bodies.length)];
  for (const [i, { start, end }] of bodies.entries()) {
    const more = inserted.get(i);
    if (more === undefined) {
      parts.push(leb(end - start), bytes.subarray(start, end));
      continue;
    }
    const reader = new BinaryReader(bytes, start, end, "a function body");
    for (let left = reader.leb("the number of groups of locals"); left > 0; left--) {
      reader.leb("a number of locals");
      if ([0x63, 0x64].includes(reader.u8("a type of locals"))) reader.signedLeb64("a heap type");
    }
    parts.push(leb(end - start + more.length), bytes.subarray(start, reader.at), more, bytes.subarray(reader.at, end));
  }
  return concat(parts);
}
