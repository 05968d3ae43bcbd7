import { utf8 } from "../abi/bytes.js";
import { BinaryReader } from "./binary.js";
import { ByteSink } from "./byte-sink.js";
import { CounterWriter } from "./counters.js";
import type { CounterKind } from "./counters.js";
import type { FunctionType, ModuleInfo } from "./module-types.js";
import { Op, constant, emptyBlock, unsigned } from "./module-writer.js";
import { sectionFormats } from "./sections.js";

/** Begins the name of the table that is added, unless the module has such a name itself. */
const usualTable = "pwh:coverage";

/** A module with counters, and what is known of them. */
export interface Instrumented {
  readonly bytes: Uint8Array;
  /** By counter. */
  readonly kinds: readonly CounterKind[];
  /** Name of the exported table whose one element, a function of two i32 that answers an i32, is told what is passed. */
  readonly table: string;
  /** Numbers that the module compares something with. */
  readonly compared: readonly (number | bigint)[];
  /** The offset in the original of an offset in the new file's code. */
  readonly originalOffset: (offset: number) => number;
}

const [typeSection, functionSection, tableSection, globalSection, exportSection, codeSection] = [1, 3, 4, 6, 7, 10];

/**
 * Writes a module anew with counters at function entries and edges.
 *
 * Nothing that was there moves: a type, a table, a function and the counters' globals are added behind the others, so that all
 * indexes stay, and memory is not touched. The guest cannot see it, but for a stack that is used up somewhat sooner.
 *
 * A counter tells when it is passed for the first time, or, of a loop, as often as nobody saw yet: after that it costs a load
 * and a branch.
 *
 * @throws {HarnessError} WASM_INVALID for a body that cannot be read.
 */
export function instrument(bytes: Uint8Array, info: ModuleInfo): Instrumented {
  const sections = sectionsOf(bytes);
  const imported = (kind: string): number => info.imports.filter((one) => one.kind === kind).length;
  const [type, table] = [info.types.length, info.tables.length];
  const report = info.functionCount.imported + info.functionCount.own;
  const firstGlobal = imported("global") + info.globals.length;
  let name = usualTable;
  while (info.exports.some((one) => one.name === name)) name += ":";

  const counters = new CounterWriter(bytes, info.types, { firstGlobal, report });
  const code = new ByteSink();
  code.push(unsigned(info.functionCount.own + 1));
  const types = ownFunctionTypes(sections.get(functionSection), info);
  for (const [i, body] of info.bodies.entries()) counters.write(code, body, types[i]!);
  const reporting = reportBody(type, table);
  code.push([...unsigned(reporting.length), ...reporting]);

  const i32 = 0x7f;
  const funcref = 0x70;
  const nameBytes = utf8(name);
  sections.set(typeSection, extended(sections.get(typeSection), [[0x60, 2, i32, i32, 1, i32]]));
  sections.set(functionSection, extended(sections.get(functionSection), [unsigned(type)]));
  sections.set(tableSection, extended(sections.get(tableSection), [[funcref, 1, 1, 1]]));
  const unseen = [i32, 1, ...constant(1), Op.end];
  sections.set(
    globalSection,
    extended(
      sections.get(globalSection),
      counters.kinds.map(() => unseen),
    ),
  );
  const exported = [...unsigned(nameBytes.length), ...nameBytes, 1, ...unsigned(table)];
  sections.set(exportSection, extended(sections.get(exportSection), [exported]));
  sections.set(codeSection, code.bytes);

  const whole = assembled(bytes, sections);
  return {
    bytes: whole.bytes,
    kinds: counters.kinds,
    table: name,
    compared: [...counters.compared],
    originalOffset: offsetsOf(counters.stretches, whole.codeAt),
  };
}

/** Answers what the host does; until the host has put a function into the table: that it has to be told again. */
function reportBody(type: number, table: number): number[] {
  const element = [...constant(0), 0x25, ...unsigned(table)];
  const unset = [...element, 0xd1, Op.if, emptyBlock, Op.localGet, 1, Op.return, Op.end];
  const call = [Op.localGet, 0, Op.localGet, 1, ...constant(0), 0x11, ...unsigned(type), ...unsigned(table)];
  return [0, ...unset, ...call, Op.end];
}

/** Contents of all sections but the custom ones, by id. */
function sectionsOf(bytes: Uint8Array): Map<number, Uint8Array> {
  const sections = new Map<number, Uint8Array>();
  const reader = new BinaryReader(bytes, 8);
  while (!reader.done) {
    const id = reader.u8("a section id");
    const content = reader.bytes(reader.leb("the size of a section"), "a section");
    if (id !== 0) sections.set(id, content);
  }
  return sections;
}

function ownFunctionTypes(content: Uint8Array | undefined, { types }: ModuleInfo): FunctionType[] {
  const reader = new BinaryReader(content ?? new Uint8Array([0]));
  const own: FunctionType[] = [];
  for (let left = reader.leb("the number of functions"); left > 0; left--) own.push(types[reader.leb("a type index")]!);
  return own;
}

/** A list with more entries at its end. */
function extended(content: Uint8Array | undefined, entries: readonly (readonly number[])[]): Uint8Array {
  const sink = new ByteSink();
  const reader = new BinaryReader(content ?? new Uint8Array([0]));
  sink.push(unsigned(reader.leb("the length of a list") + entries.length));
  if (content !== undefined) sink.copy(content, reader.at, content.length);
  for (const one of entries) sink.push(one);
  return sink.bytes;
}

/** The module's sections in their order, its custom ones behind them as they were. */
function assembled(
  original: Uint8Array,
  sections: ReadonlyMap<number, Uint8Array>,
): { readonly bytes: Uint8Array; readonly codeAt: number } {
  const sink = new ByteSink();
  sink.copy(original, 0, 8);
  let codeAt = 0;
  for (const { id } of sectionFormats) {
    const content = sections.get(id);
    if (content === undefined) continue;
    sink.push([id, ...unsigned(content.length)]);
    if (id === codeSection) codeAt = sink.length;
    sink.copy(content, 0, content.length);
  }
  const reader = new BinaryReader(original, 8);
  while (!reader.done) {
    const start = reader.at;
    const id = reader.u8("a section id");
    reader.skip(reader.leb("the size of a section"), "a section");
    if (id === 0) sink.copy(original, start, reader.at);
  }
  return { bytes: sink.bytes, codeAt };
}

/** What stands in inserted code counts as the instruction that follows it. */
function offsetsOf(
  stretches: { readonly at: readonly number[]; readonly from: readonly number[] },
  codeAt: number,
): (offset: number) => number {
  const at = Uint32Array.from(stretches.at);
  const from = Uint32Array.from(stretches.from);
  return (offset) => {
    const wanted = offset - codeAt;
    let [low, high] = [0, at.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at[middle]! <= wanted) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? offset : from[low - 1]! + wanted - at[low - 1]!;
  };
}
