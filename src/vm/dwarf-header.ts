import type { BinaryReader } from "./binary.js";

/** The head of one unit of `.debug_line`: how its program is coded, and which files it names. DWARF 5 §6.2.4 */
export interface LineHeader {
  readonly minInstructionLength: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** How many LEB128 operands each standard opcode has; entry 0 is that of opcode 1. */
  readonly operandCounts: readonly number[];
  /**
   * The path that the file register stands for: from 1 before DWARF 5, from 0 since. Read from the head each time: few of
   * its names are ever asked for, and together they can be much longer than the file.
   */
  readonly path: (file: number) => string | undefined;
}

/** Readers of the sections that a DWARF 5 header points into, at the offset it states. */
export interface StringSections {
  readonly lineString: (offset: number) => string;
  readonly string: (offset: number) => string;
}

/** Reads the head of a unit; `unit` stands behind its length and goes on to its program. */
export function readLineHeader(unit: BinaryReader, is64: boolean, strings: StringSections): LineHeader {
  const offset = (what: string): number => (is64 ? unit.u64(what) : unit.u32(what));
  const version = unit.u16("the DWARF version");
  if (version < 2 || version > 5) throw unit.invalid("the DWARF version", `${version} is not known`);
  if (version >= 5) unit.skip(2, "the sizes of addresses and segments");
  const head = unit.part(offset("the size of the head"), "the head of a line table");
  const minInstructionLength = head.u8("the length of instructions");
  if (version >= 4) head.u8("the operations in an instruction"); // more than 1 only on VLIW machines
  head.u8("whether rows begin statements");
  const lineBase = (head.u8("the line base") << 24) >> 24;
  const lineRange = head.u8("the line range");
  const opcodeBase = head.u8("the opcode base");
  if (lineRange === 0) throw head.invalid("the line range", "it is 0");
  const operandCounts: number[] = [];
  for (let opcode = 1; opcode < opcodeBase; opcode++) operandCounts.push(head.u8("a count of operands"));
  const tables = head.at;
  const path = (file: number): string | undefined => {
    const names = head.from(tables);
    return version >= 5 ? path5(file, names, is64, strings) : path4(file, names);
  };
  return { minInstructionLength, lineBase, lineRange, opcodeBase, operandCounts, path };
}

/** Lists that end with an empty string. Folder 0 is that of the compilation, which only `.debug_info` names. */
function path4(file: number, head: BinaryReader): string | undefined {
  const folders = [""];
  for (let name; (name = head.zeroTerminated("a folder")) !== "";) folders.push(name);
  let index = 1;
  for (let name; (name = head.zeroTerminated("a file")) !== ""; index++) {
    const folder = head.leb("the folder of a file");
    if (index === file) return joinPath(folders[folder] ?? "", name);
    head.leb("the time of a file");
    head.leb("the size of a file");
  }
  return undefined;
}

/** DWARF 5: tables that say how their entries are coded. Folder 0 is that of the compilation. */
function path5(file: number, head: BinaryReader, is64: boolean, strings: StringSections): string | undefined {
  const folders = readEntries(head, is64, strings);
  const entry = readEntries(head, is64, strings)[file];
  if (entry === undefined) return undefined;
  const folder = entry.folder === 0 ? "" : (folders[entry.folder]?.path() ?? "");
  return joinPath(folders[0]?.path() ?? "", joinPath(folder, entry.path()));
}

interface Entry {
  readonly path: () => string;
  readonly folder: number;
}

const contentPath = 1;
const contentFolder = 2;

const noPath = (): string => "";

function readEntries(head: BinaryReader, is64: boolean, strings: StringSections): Entry[] {
  const formats: [content: number, form: number][] = [];
  for (let left = head.u8("the number of formats"); left > 0; left--) {
    formats.push([head.leb("a content"), head.leb("a form")]);
  }
  const entries: Entry[] = [];
  const count = head.leb("the number of entries");
  if (formats.length === 0 && count > 0) throw head.invalid("the entries of a line table", "they have no format");
  for (let left = count; left > 0; left--) {
    let path = noPath;
    let folder = 0;
    for (const [content, form] of formats) {
      const value = readForm(head, form, is64, strings);
      if (content === contentPath && typeof value === "function") path = value;
      if (content === contentFolder && typeof value === "number") folder = value;
    }
    entries.push({ path, folder });
  }
  return entries;
}

/** Each form takes at least a byte, so that a great count of entries runs into the end of the head. DWARF 5 §7.5.6 */
function readForm(head: BinaryReader, form: number, is64: boolean, strings: StringSections): number | (() => string) {
  const what = "an entry of a line table";
  const section = form === 0x0e ? strings.string : strings.lineString;
  switch (form) {
    case 0x08: {
      // DW_FORM_string
      const text = head.zeroTerminated(what);
      return () => text;
    }
    case 0x0e: // DW_FORM_strp
    case 0x1f: {
      // DW_FORM_line_strp
      const offset = is64 ? head.u64(what) : head.u32(what);
      return () => section(offset);
    }
    case 0x0b: // DW_FORM_data1
      return head.u8(what);
    case 0x05: // DW_FORM_data2
      return head.u16(what);
    case 0x06: // DW_FORM_data4
      return head.u32(what);
    case 0x07: // DW_FORM_data8
      return head.u64(what);
    case 0x1e: // DW_FORM_data16, a checksum
      return head.skip(16, what);
    case 0x0f: // DW_FORM_udata
      return head.leb(what);
    case 0x09: // DW_FORM_block
      return head.skip(head.leb(what), what);
    default:
      throw head.invalid(what, `form 0x${form.toString(16)} is not known`);
  }
}

/** `name` in `folder`, unless it is absolute; a folder "." is left out. */
function joinPath(folder: string, name: string): string {
  const plain = name.replace(/^(\.\/)+/, "");
  if (folder === "" || folder === "." || /^([/\\]|[A-Za-z]:[/\\])/.test(plain)) return plain === "" ? folder : plain;
  return plain === "" || plain === "." ? folder : `${folder.replace(/^(\.\/)+/, "").replace(/[/\\]$/, "")}/${plain}`;
}
