import { BinaryReader, tolerant } from "./binary.js";
import { customSection } from "./custom-sections.js";
import type { LineHeader, StringSections } from "./dwarf-header.js";
import { readLineHeader } from "./dwarf-header.js";
import type { ModuleInfo } from "./module-types.js";

export interface SourcePosition {
  /** As the compiler wrote it: absolute, or relative to the folder it ran in. */
  readonly file: string;
  readonly line: number;
  /** From 1; 0 when the compiler did not say. */
  readonly column: number;
}

export interface LineTable {
  /**
   * The source of the instruction at `codeOffset`, counted from the start of the code section's body. Undefined where the
   * table says nothing, or says that the compiler made the instruction up (line 0).
   */
  lookup(codeOffset: number): SourcePosition | undefined;
}

/** A run of rows with rising addresses; the rows are read again when somebody asks for one of them. */
interface Sequence {
  readonly start: number;
  readonly end: number;
  readonly header: LineHeader;
  /** Its part of the line program. */
  readonly programStart: number;
  readonly programEnd: number;
}

/** The registers of the line-number machine that end up in a row, as far as they are of use here. DWARF 5 §6.2.2 */
interface Row {
  address: number;
  file: number;
  line: number;
  column: number;
}

/**
 * The line table of a module with DWARF 2 to 5 (`.debug_line`). One without it, or with a damaged one, has no lines; units
 * before the damage are kept.
 */
export function lineTable(info: ModuleInfo, bytes: Uint8Array): LineTable {
  const codeSize = info.codeSection === undefined ? 0 : info.codeSection.end - info.codeSection.start;
  const sequences: Sequence[] = [];
  tolerant(() => readUnits(info, bytes, codeSize, sequences), undefined);
  return {
    lookup(codeOffset) {
      const sequence = sequences.find(({ start, end }) => start <= codeOffset && codeOffset < end);
      return sequence && tolerant(() => find(sequence, bytes, codeOffset), undefined);
    },
  };
}

function readUnits(info: ModuleInfo, bytes: Uint8Array, codeSize: number, sequences: Sequence[]): void {
  const strings: StringSections = {
    lineString: stringsOf(info, bytes, ".debug_line_str"),
    string: stringsOf(info, bytes, ".debug_str"),
  };
  const section = customSection(info, bytes, ".debug_line");
  while (!section.done) {
    const length = section.u32("the length of a unit");
    const is64 = length === 0xffff_ffff;
    const unit = section.part(is64 ? section.u64("the length of a unit") : length, "a unit of .debug_line");
    tolerant(() => indexUnit(unit, readLineHeader(unit, is64, strings), codeSize, sequences), undefined);
  }
}

function stringsOf(info: ModuleInfo, bytes: Uint8Array, name: string): (offset: number) => string {
  const { at, end } = customSection(info, bytes, name);
  return (offset) => {
    if (offset >= end - at) throw new BinaryReader(bytes, at, end).invalid(name, `it has no offset ${offset}`);
    return new BinaryReader(bytes, at + offset, end).zeroTerminated(name);
  };
}

/** Notes where the sequences of a unit lie. Those of functions that the linker dropped start at 0 or beyond the code. */
function indexUnit(unit: BinaryReader, header: LineHeader, codeSize: number, sequences: Sequence[]): void {
  let start: number | undefined;
  let programStart = unit.at;
  runProgram(unit, header, (row, isEnd) => {
    start ??= row.address;
    if (!isEnd) return false;
    if (start > 0 && row.address > start && row.address <= codeSize) {
      sequences.push({ start, end: row.address, header, programStart, programEnd: unit.at });
    }
    start = undefined;
    programStart = unit.at;
    return false;
  });
}

function find(sequence: Sequence, bytes: Uint8Array, address: number): SourcePosition | undefined {
  const { header, programStart, programEnd } = sequence;
  let found: Row | undefined;
  runProgram(new BinaryReader(bytes, programStart, programEnd), header, (row) => {
    if (row.address > address) return true;
    found = { ...row };
    return false;
  });
  if (found === undefined || found.line < 1) return undefined;
  const file = header.path(found.file);
  if (file === undefined) return undefined;
  return { file, line: found.line, column: found.column };
}

/** Runs a line program; `onRow` gets each row, which is one object that changes, and answers true to stop. DWARF 5 §6.2.5 */
function runProgram(
  program: BinaryReader,
  header: LineHeader,
  onRow: (row: Row, endsSequence: boolean) => boolean,
): void {
  const { minInstructionLength, lineBase, lineRange, opcodeBase, operandCounts } = header;
  const row: Row = { address: 0, file: 1, line: 1, column: 0 };
  while (!program.done) {
    const opcode = program.u8("an opcode");
    if (opcode >= opcodeBase) {
      const step = opcode - opcodeBase;
      row.address += minInstructionLength * Math.floor(step / lineRange);
      row.line += lineBase + (step % lineRange);
      if (onRow(row, false)) return;
    } else if (opcode === 0) {
      const extended = program.part(program.leb("the size of an opcode"), "an extended opcode");
      if (extended.done) continue;
      const code = extended.u8("an extended opcode");
      if (code === 1) {
        if (onRow(row, true)) return;
        Object.assign(row, { address: 0, file: 1, line: 1, column: 0 });
      } else if (code === 2) {
        row.address = extended.end - extended.at > 4 ? extended.u64("an address") : extended.u32("an address");
      }
    } else if (opcode === 1) {
      if (onRow(row, false)) return;
    } else if (opcode === 2) {
      row.address += minInstructionLength * program.leb("an advance of the address");
    } else if (opcode === 3) {
      row.line += program.signedLeb("an advance of the line");
    } else if (opcode === 4) {
      row.file = program.leb("a file");
    } else if (opcode === 5) {
      row.column = program.leb("a column");
    } else if (opcode === 8) {
      row.address += minInstructionLength * Math.floor((255 - opcodeBase) / lineRange);
    } else if (opcode === 9) {
      row.address += program.u16("an advance of the address");
    } else {
      for (let left = operandCounts[opcode - 1] ?? 0; left > 0; left--) program.leb64("an operand");
    }
  }
}
