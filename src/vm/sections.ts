import type { BinaryReader } from "./binary.js";
import { skipDataSegment, skipElementSegment, skipInitialiser } from "./initialisers.js";
import type {
  CustomSection,
  ModuleExport,
  ExternalKind,
  FeatureName,
  FunctionType,
  GlobalType,
  ModuleImport,
  Limits,
  Range,
  TableType,
} from "./module-types.js";
import { readGlobalType, readMemoryType, readRecursiveTypes, readTableType } from "./value-types.js";

/** What the sections read so far have said. Lists hold imported entries first, as the index spaces do. */
export class ModuleDraft {
  readonly types: (FunctionType | undefined)[] = [];
  readonly imports: ModuleImport[] = [];
  readonly functions: FunctionType[] = [];
  readonly tables: (TableType & { readonly imported: boolean })[] = [];
  readonly memories: (Limits & { readonly imported: boolean })[] = [];
  readonly globals: (GlobalType & { readonly imported: boolean })[] = [];
  readonly exports: ModuleExport[] = [];
  readonly customSections: CustomSection[] = [];
  readonly needs = new Set<FeatureName>();
  importedFunctions = 0;
  start: number | undefined;
  code: Range | undefined;
  bodies = 0;
  dataSize = 0;
}

interface SectionFormat {
  readonly id: number;
  readonly name: string;
  readonly read: (section: BinaryReader, draft: ModuleDraft) => void;
}

/** The sections of a module in the order that they must have. Spec §5.5.2. */
export const sectionFormats: readonly SectionFormat[] = [
  list(1, "type", (section, { types, needs }) => readRecursiveTypes(section, types, needs)),
  list(2, "import", readImport),
  list(3, "function", (section, draft) => draft.functions.push(readFunctionType(section, draft))),
  list(4, "table", readTable),
  list(5, "memory", (section, { memories, needs }) =>
    memories.push({ ...readMemoryType(section, needs), imported: false }),
  ),
  list(13, "tag", (section, draft) => readTag(section, draft)),
  list(6, "global", (section, { globals, needs }) => {
    globals.push({ ...readGlobalType(section, needs), imported: false });
    skipInitialiser(section, needs);
  }),
  list(7, "export", readExport),
  { id: 8, name: "start", read: (section, draft) => (draft.start = section.leb("the start function")) },
  list(9, "element", (section, { needs }) => skipElementSegment(section, needs)),
  {
    id: 12,
    name: "data count",
    read(section, { needs }) {
      section.leb("the number of data segments");
      needs.add("bulk-memory");
    },
  },
  { id: 10, name: "code", read: readCode },
  list(11, "data", (section, draft) => (draft.dataSize += skipDataSegment(section, draft.needs))),
];

function list(id: number, name: string, readEntry: SectionFormat["read"]): SectionFormat {
  return {
    id,
    name,
    read(section, draft) {
      for (let left = section.leb(`the length of the ${name} section's list`); left > 0; left--) {
        readEntry(section, draft);
      }
    },
  };
}

const kinds: readonly ExternalKind[] = ["function", "table", "memory", "global", "tag"];

function readKind(section: BinaryReader, what: string): ExternalKind {
  const at = section.at;
  const code = section.u8(what);
  const kind = kinds[code];
  if (kind === undefined) throw section.invalid(what, `kind ${code} is not known`, at);
  return kind;
}

function readFunctionType(section: BinaryReader, draft: ModuleDraft): FunctionType {
  const at = section.at;
  const index = section.leb("a type index");
  const type = draft.types[index];
  if (type !== undefined) return type;
  throw section.invalid("a type index", `type ${index} is not a function type`, at);
}

function readTag(section: BinaryReader, draft: ModuleDraft): FunctionType {
  section.u8("the attribute of a tag");
  draft.needs.add("exception-handling");
  return readFunctionType(section, draft);
}

function readImport(section: BinaryReader, draft: ModuleDraft): void {
  const module = section.name("the module of an import");
  const name = section.name("the name of an import");
  const kind = readKind(section, "the kind of an import");
  const { imports, needs } = draft;
  if (kind === "function") {
    const type = readFunctionType(section, draft);
    draft.functions.push(type);
    draft.importedFunctions += 1;
    imports.push({ module, name, kind, type });
  } else if (kind === "table") {
    const table = readTableType(section, needs);
    draft.tables.push({ ...table, imported: true });
    imports.push({ module, name, kind, table });
  } else if (kind === "memory") {
    const memory = readMemoryType(section, needs);
    draft.memories.push({ ...memory, imported: true });
    imports.push({ module, name, kind, memory });
  } else if (kind === "global") {
    const global = readGlobalType(section, needs);
    if (global.mutable) needs.add("mutable-globals");
    draft.globals.push({ ...global, imported: true });
    imports.push({ module, name, kind, global });
  } else {
    imports.push({ module, name, kind, type: readTag(section, draft) });
  }
}

/** 0x40 0x00 goes before a table that states what its elements start with. */
function readTable(section: BinaryReader, { tables, needs }: ModuleDraft): void {
  const initialised = section.peek() === 0x40;
  if (initialised) section.skip(2, "a table");
  tables.push({ ...readTableType(section, needs), imported: false });
  if (!initialised) return;
  needs.add("gc");
  skipInitialiser(section, needs);
}

function readExport(section: BinaryReader, draft: ModuleDraft): void {
  const name = section.name("the name of an export");
  const kind = readKind(section, "the kind of an export");
  const index = section.leb("the index of an export");
  const type = kind === "function" ? draft.functions[index] : undefined;
  if (kind === "global" && draft.globals[index]?.mutable === true) draft.needs.add("mutable-globals");
  draft.exports.push({ name, kind, index, ...(type !== undefined && { type }) });
}

function readCode(section: BinaryReader, draft: ModuleDraft): void {
  const start = section.at;
  draft.bodies = section.leb("the number of function bodies");
  draft.code = { start, end: section.end };
  section.skip(section.end - section.at, "function bodies"); // read when somebody asks for them
}
