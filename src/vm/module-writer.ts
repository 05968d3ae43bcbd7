import type { WasmType } from "./parameters.js";

/** The instructions that our own small modules are made of. */
export const Op = {
  unreachable: 0x00,
  if: 0x04,
  end: 0x0b,
  return: 0x0f,
  call: 0x10,
  drop: 0x1a,
  localGet: 0x20,
  globalGet: 0x23,
  globalSet: 0x24,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i32Eq: 0x46,
  i32GtU: 0x4b,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Shl: 0x74,
  i32ShrU: 0x76,
} as const;

/** The type of a block without a result. */
export const emptyBlock = 0x40;

const valueTypes: Readonly<Record<WasmType, number>> = { i32: 0x7f, i64: 0x7e };
const kinds = { function: 0, memory: 2, global: 3 } as const;

interface Code {
  readonly type: number;
  readonly body: readonly number[];
}

/** An unsigned LEB128 number. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** A signed LEB128 number of 32 bits. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  // the last byte is the one whose sign bit already says what follows
  while (rest < -64 || rest > 63) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  return [...bytes, rest & 0x7f];
}

/** `i32.const value`. */
export const constant = (value: number): number[] => [Op.i32Const, ...signed(value)];

const text = (value: string): number[] => {
  const bytes = new TextEncoder().encode(value);
  return [...unsigned(bytes.length), ...bytes];
};
const list = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()];
const section = (id: number, items: readonly (readonly number[])[]): number[] => {
  if (items.length === 0) return [];
  const body = list(items);
  return [id, ...unsigned(body.length), ...body];
};

/**
 * Writes a WebAssembly module: functions of integers, one memory, mutable i32 globals. Enough for the relay guest.
 *
 * Imports come before functions, for they share one count of indexes.
 */
export class ModuleWriter {
  private readonly _types: number[][] = [];
  private readonly _imports: number[][] = [];
  private readonly _functions: Code[] = [];
  private readonly _globals: number[][] = [];
  private readonly _exports: number[][] = [];
  private _memory: number[] | undefined;

  /** @returns The function's index. */
  importFunction(module: string, name: string, params: readonly WasmType[], results: readonly WasmType[]): number {
    if (this._functions.length > 0) throw new Error("Cannot import a function: the module has functions of its own");
    this._imports.push([...text(module), ...text(name), kinds.function, ...unsigned(this._type(params, results))]);
    return this._imports.length - 1;
  }

  /** @returns The function's index. */
  addFunction(params: readonly WasmType[], results: readonly WasmType[], body: readonly number[]): number {
    this._functions.push({ type: this._type(params, results), body });
    return this._imports.length + this._functions.length - 1;
  }

  /** @returns The index of a mutable i32. */
  addGlobal(value: number): number {
    this._globals.push([valueTypes.i32, 1, ...constant(value), Op.end]);
    return this._globals.length - 1;
  }

  /** Pages of 64 KiB. */
  setMemory(pages: number, maximum: number): void {
    this._memory = [1, ...unsigned(pages), ...unsigned(maximum)];
  }

  export(name: string, kind: keyof typeof kinds, index: number): void {
    this._exports.push([...text(name), kinds[kind], ...unsigned(index)]);
  }

  finish(): Uint8Array {
    const codes = this._functions.map(({ body }) => {
      const code = [0, ...body, Op.end]; // no locals
      return [...unsigned(code.length), ...code];
    });
    return new Uint8Array([
      0x00,
      0x61,
      0x73,
      0x6d,
      0x01,
      0x00,
      0x00,
      0x00,
      ...section(1, this._types),
      ...section(2, this._imports),
      ...section(
        3,
        this._functions.map(({ type }) => unsigned(type)),
      ),
      ...section(5, this._memory === undefined ? [] : [this._memory]),
      ...section(6, this._globals),
      ...section(7, this._exports),
      ...section(10, codes),
    ]);
  }

  private _type(params: readonly WasmType[], results: readonly WasmType[]): number {
    const bytes = [0x60, ...list(params.map((one) => [valueTypes[one]])), ...list(results.map((r) => [valueTypes[r]]))];
    const known = this._types.findIndex((one) => one.join() === bytes.join());
    if (known >= 0) return known;
    this._types.push(bytes);
    return this._types.length - 1;
  }
}
