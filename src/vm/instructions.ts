import type { BinaryReader } from "./binary.js";
import { readHeapType, readValueType } from "./value-types.js";

/** Instructions that begin, part or end a block, or leave one. Spec §5.4.1; try and its parts: exception handling of 2021. */
export const Control = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  try: 0x06,
  catch: 0x07,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  delegate: 0x18,
  catchAll: 0x19,
  tryTable: 0x1f,
} as const;

const noNeeds = new Set<never>();

/** The number of values that a block takes and gives, as indexes in the type section say; 0 or 1 where it is written in place. */
export interface BlockType {
  /** A type index, or -1. */
  readonly index: number;
  /** Gives one value, where it has no index. */
  readonly one: boolean;
}

export function readBlockType(code: BinaryReader): BlockType {
  const first = code.peek();
  if (first === 0x40) {
    code.u8("a block type");
    return { index: -1, one: false };
  }
  // a negative number of one byte: a value type
  if (first !== undefined && (first & 0xc0) === 0x40) {
    readValueType(code, noNeeds);
    return { index: -1, one: true };
  }
  return { index: code.leb("a block type"), one: false };
}

/** What follows the byte of an instruction, passed over; blocks and `br_table` are for their readers. */
export function skipImmediates(code: BinaryReader, instruction: number): void {
  if (instruction >= 0x45 && instruction <= 0xc4) return;
  if (instruction >= 0x28 && instruction <= 0x3e) return skipMemoryArgument(code);
  switch (instruction) {
    case 0x00: // unreachable
    case 0x01: // nop
    case 0x0a: // throw_ref
    case 0x0f: // return
    case 0x1a: // drop
    case 0x1b: // select
    case 0xd1: // ref.is_null
    case 0xd3: // ref.eq
    case 0xd4: // ref.as_non_null
      return;
    case 0x11: // call_indirect
    case 0x13: // return_call_indirect
      skipIndexes(code, 2);
      return;
    case 0x08: // throw
    case 0x09: // rethrow
    case Control.br:
    case 0x10: // call
    case 0x12: // return_call
    case 0x14: // call_ref
    case 0x15: // return_call_ref
    case 0x20: // local.get, .set, .tee, global.get, .set, table.get, .set
    case 0x21:
    case 0x22:
    case 0x23:
    case 0x24:
    case 0x25:
    case 0x26:
    case 0x3f: // memory.size
    case 0x40: // memory.grow
    case 0xd2: // ref.func
    case 0xd5: // br_on_null
    case 0xd6: // br_on_non_null
      skipIndexes(code, 1);
      return;
    case 0x1c: // select with types
      for (let left = code.leb("the number of types"); left > 0; left--) readValueType(code, noNeeds);
      return;
    case 0x41:
      code.signedLeb("an i32.const");
      return;
    case 0x42:
      code.signedLeb64("an i64.const");
      return;
    case 0x43:
      code.skip(4, "an f32.const");
      return;
    case 0x44:
      code.skip(8, "an f64.const");
      return;
    case 0xd0: // ref.null
      readHeapType(code);
      return;
    case 0xfb:
      return skipGc(code);
    case 0xfc:
      return skipIndexes(code, indexesOfFc(code.leb("an instruction")));
    case 0xfd:
      return skipVector(code);
    case 0xfe:
      return skipAtomic(code);
    default:
      throw code.invalid("an instruction", `0x${instruction.toString(16)} is not known`, code.at - 1);
  }
}

function skipIndexes(code: BinaryReader, count: number): void {
  for (let left = count; left > 0; left--) code.leb("an index");
}

/** Flags: the alignment, and 64 where the memory is named. The offset has 64 bits in a memory of such addresses. */
function skipMemoryArgument(code: BinaryReader): void {
  if ((code.leb("the alignment of an access") & 64) !== 0) code.leb("a memory index");
  code.leb64("the offset of an access");
}

/** memory.init and .copy, table.init and .copy take two; data.drop, memory.fill, elem.drop, table.grow, .size and .fill one. */
function indexesOfFc(instruction: number): number {
  if ([8, 10, 12, 14].includes(instruction)) return 2;
  return [9, 11, 13, 15, 16, 17].includes(instruction) ? 1 : 0;
}

function skipVector(code: BinaryReader): void {
  const instruction = code.leb("a vector instruction");
  if (instruction === 12 || instruction === 13) code.skip(16, "a vector");
  else if (instruction >= 21 && instruction <= 34) code.u8("a lane");
  else if (instruction <= 11 || (instruction >= 84 && instruction <= 93)) {
    skipMemoryArgument(code);
    if (instruction >= 84 && instruction <= 91) code.u8("a lane");
  }
}

function skipAtomic(code: BinaryReader): void {
  if (code.leb("an atomic instruction") === 3) code.u8("a fence");
  else skipMemoryArgument(code);
}

/** Indexes that follow an instruction of the GC proposal, by its number. */
const gcIndexes = [1, 1, 2, 2, 2, 2, 1, 1, 2, 2, 2, 1, 1, 1, 1, 0, 1, 2, 2, 2];

function skipGc(code: BinaryReader): void {
  const instruction = code.leb("a GC instruction");
  if (instruction < gcIndexes.length) skipIndexes(code, gcIndexes[instruction]!);
  else if (instruction <= 23) readHeapType(code);
  else if (instruction <= 25) {
    code.u8("the flags of a cast");
    code.leb("a label");
    readHeapType(code);
    readHeapType(code);
  }
}
