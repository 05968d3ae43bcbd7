import { HarnessError } from "../errors.js";
import { BinaryReader } from "./binary.js";
import { describeFile } from "./file-kind.js";
import type { ModuleExport, MemoryInfo, ModuleInfo, Range } from "./module-types.js";
import { ModuleDraft, sectionFormats } from "./sections.js";

export type * from "./module-types.js";
export { signature } from "./module-types.js";

const ranks: ReadonlyMap<number, number> = new Map(sectionFormats.map(({ id }, rank) => [id, rank]));

/**
 * Reads what a WebAssembly module declares, without compiling it: a module of some megabytes takes a few milliseconds,
 * because function bodies and custom sections are passed over.
 *
 * It checks how the bytes are framed, no more: whether they are valid is the engine's to say.
 *
 * @throws {HarnessError} `NOT_WASM`, `WASM_COMPONENT`, `WASM_TRUNCATED`, or `WASM_INVALID` when malformed.
 */
export function readModule(bytes: Uint8Array): ModuleInfo {
  checkPreamble(bytes);
  const reader = new BinaryReader(bytes, 8);
  const draft = new ModuleDraft();
  let lastRank = -1;
  while (!reader.done) {
    const at = reader.at;
    const id = reader.u8("a section id");
    const rank = ranks.get(id);
    const format = rank === undefined ? undefined : sectionFormats[rank];
    const name = format === undefined ? "a custom section" : `the ${format.name} section`;
    const section = reader.part(reader.leb(`the size of ${name}`), name);
    if (id === 0) {
      draft.customSections.push({ name: section.name("its name"), start: section.at, end: section.end });
      continue;
    }
    if (format === undefined || rank === undefined) throw reader.invalid("a section", `id ${id} is not known`, at);
    if (rank <= lastRank) throw reader.invalid(name, "it comes twice or too late", at);
    lastRank = rank;
    format.read(section, draft);
    if (!section.done) throw section.invalid(name, `${section.end - section.at} bytes are left over`);
  }
  return finish(draft, bytes);
}

const magic = [0x00, 0x61, 0x73, 0x6d];

function checkPreamble(bytes: Uint8Array): void {
  if (bytes.length === 0 || magic.some((byte, i) => i < bytes.length && bytes[i] !== byte)) {
    throw new HarnessError("NOT_WASM", `Cannot read the module: it is ${describeFile(bytes)}, not WebAssembly`);
  }
  const reader = new BinaryReader(bytes);
  reader.skip(magic.length, "the magic number");
  const version = reader.u16("the version");
  const layer = reader.u16("the layer");
  if (layer === 1) {
    const advice =
      "build it for a core target such as wasm32-wasip1, not as a component (wasm32-wasip2, cargo component)";
    throw new HarnessError("WASM_COMPONENT", `Cannot run a WebAssembly component as a proxy-wasm filter: ${advice}`);
  }
  if (version !== 1 || layer !== 0) {
    const found = `version ${version}, layer ${layer}`;
    throw new HarnessError(
      "WASM_INVALID",
      `Cannot read the module: it has ${found}; a core module has version 1, layer 0`,
    );
  }
}

function finish(draft: ModuleDraft, bytes: Uint8Array): ModuleInfo {
  const { types, imports, exports, tables, customSections, needs, start, code, dataSize, importedFunctions } = draft;
  const own = draft.functions.length - importedFunctions;
  if (own !== draft.bodies) {
    throw new HarnessError(
      "WASM_INVALID",
      `Cannot read the module: it declares ${own} functions and has ${draft.bodies} bodies`,
    );
  }
  if (draft.memories.length > 1) needs.add("multimemory");
  if (tables.length > 1) needs.add("reference-types");
  const memories = draft.memories.map((memory, index): MemoryInfo => {
    const exportName = exports.find((one: ModuleExport) => one.kind === "memory" && one.index === index)?.name;
    return { ...memory, ...(exportName !== undefined && { exportName }) };
  });
  let bodies: readonly Range[] | undefined;
  return {
    size: bytes.length,
    types,
    imports,
    exports,
    ...(memories[0] !== undefined && { memory: memories[0] }),
    memories,
    tables,
    globals: draft.globals.filter((one) => !one.imported).map(({ type, mutable }) => ({ type, mutable })),
    ...(start !== undefined && { start }),
    functionCount: { imported: importedFunctions, own },
    ...(code !== undefined && { codeSection: code }),
    get bodies() {
      return (bodies ??= code === undefined ? [] : readBodies(bytes, code));
    },
    dataSize,
    customSections,
    needs,
  };
}

function readBodies(bytes: Uint8Array, code: Range): Range[] {
  const reader = new BinaryReader(bytes, code.start, code.end, "the code section");
  const bodies: Range[] = [];
  for (let left = reader.leb("the number of function bodies"); left > 0; left--) {
    const size = reader.leb("the size of a function body");
    const start = reader.skip(size, "a function body");
    bodies.push({ start, end: start + size });
  }
  return bodies;
}
