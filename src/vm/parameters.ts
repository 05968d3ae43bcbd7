import type { ByteString } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { decodePairs } from "../abi/pairs.js";
import type { GuestMemory } from "./memory.js";

export type WasmType = "i32" | "i64";

/** What a parameter reads from, and writes to, the guest with. */
export interface GuestPort {
  readonly memory: GuestMemory;
  /** Memory from the guest's allocator, checked: `GuestFault` when it fails. `size` must not be 0. */
  allocate(size: number): number;
}

/**
 * How one argument of a hostcall is decoded, or one result written.
 *
 * `decode`, `check` and `encode` are JavaScript, put into the import function when a module is linked: `$0`, `$1`… are the
 * wasm arguments, `$v` the value to write, `memory`, `port` and `lib` what they say. This is the whole trick of the fast
 * path: no loop over parameters runs when the guest calls.
 */
export interface Parameter<In = unknown, Out = unknown> {
  readonly wasm: readonly WasmType[];
  /** Words of the reference table: `pointer, size`. */
  readonly parts: readonly string[];
  readonly doc: string;
  /** A condition on the raw arguments under which the call answers `checkStatus` before anything is read. */
  readonly check?: string;
  readonly checkStatus?: number;
  /** An expression that gives the decoded argument. Present for what the guest hands in. */
  readonly decode?: string;
  /** A statement made after all arguments are decoded and before the body runs. */
  readonly prepare?: string;
  /** A statement that writes `$v`. Present for what the guest gets back. */
  readonly encode?: string;
  /** A value for a trace line. */
  readonly show: (value: never) => string;
  /** Types only. */
  readonly $in?: In;
  readonly $out?: Out;
}

type Parameters = Readonly<Record<string, Parameter>>;
/** The decoded arguments that a body receives. */
export type Inputs<P extends Parameters> = {
  readonly [K in keyof P as P[K] extends { decode: string } ? K : never]: NonNullable<P[K]["$in"]>;
};
/** The results that a body hands back. */
export type Outputs<P extends Parameters> = {
  readonly [K in keyof P as P[K] extends { encode: string } ? K : never]: NonNullable<P[K]["$out"]>;
};

function input<In>(
  parameter: Omit<Parameter<In>, "decode" | "show"> & { decode: string; show: (value: In) => string },
) {
  return parameter as unknown as Parameter<In, never> & { readonly decode: string };
}
function output<Out>(
  parameter: Omit<Parameter<never, Out>, "encode" | "show"> & { encode: string; show: (value: Out) => string },
) {
  return parameter as unknown as Parameter<never, Out> & { readonly encode: string };
}

const clip = 120;

/** A byte string as trace lines show it: quoted, controls escaped, long ones cut. */
export function quote(text: ByteString): string {
  const cut = text.length > clip ? text.slice(0, clip) : text;
  const shown = JSON.stringify(cut).replace(/[\u007f-\u00ff]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`);
  return text.length > clip ? `${shown}… (${text.length} bytes)` : shown;
}

function showBytes(bytes: Uint8Array): string {
  const head = bytes.length > clip ? bytes.subarray(0, clip) : bytes;
  const text = quote(Buffer.from(head).toString("latin1"));
  return bytes.length > clip ? `${text}… (${bytes.length} bytes)` : text;
}

function showPairs(pairs: readonly Pair[]): string {
  return `[${pairs.map(([name, value]) => `${name}: ${quote(value)}`).join(", ")}]`;
}

/** A byte string: names, keys, short values. */
export const text = input<ByteString>({
  wasm: ["i32", "i32"],
  parts: ["pointer", "size"],
  doc: "bytes",
  decode: "memory.text($0, $1)",
  show: quote,
});

/** A header name, lower-cased: [E] keeps names that way. */
export const fieldName = input<ByteString>({
  wasm: ["i32", "i32"],
  parts: ["pointer", "size"],
  doc: "header name",
  decode: "memory.lowerText($0, $1)",
  show: quote,
});

/** Bytes of any length, copied out of the guest. */
export const blob = input<Uint8Array>({
  wasm: ["i32", "i32"],
  parts: ["pointer", "size"],
  doc: "bytes",
  decode: "memory.copy($0, $1)",
  show: showBytes,
});

/** Pairs as the guest wrote them; a malformed list is empty and says why. */
export const pairs = input<{ readonly pairs: readonly Pair[]; readonly malformed?: string }>({
  wasm: ["i32", "i32"],
  parts: ["pointer", "size"],
  doc: "pairs",
  decode: "lib.decodePairs(memory.view($0, $1))",
  show: (value) => (value.malformed ? `malformed (${value.malformed})` : showPairs(value.pairs)),
});

export const u32 = input<number>({
  wasm: ["i32"],
  parts: ["value"],
  doc: "u32",
  decode: "$0 >>> 0",
  show: String,
});

export const i32 = input<number>({ wasm: ["i32"], parts: ["value"], doc: "i32", decode: "$0 | 0", show: String });

export const bool = input<boolean>({ wasm: ["i32"], parts: ["value"], doc: "bool", decode: "$0 !== 0", show: String });

/** A signed 64-bit integer. */
export const i64 = input<bigint>({ wasm: ["i64"], parts: ["value"], doc: "i64", decode: "$0", show: String });

/** An unsigned 64-bit integer. */
export const u64 = input<bigint>({
  wasm: ["i64"],
  parts: ["value"],
  doc: "u64",
  decode: "BigInt.asUintN(64, $0)",
  show: String,
});

/** A number with names, refused with `status` above the last: checked before anything is read. [H] */
export function enumeration(doc: string, names: readonly string[], status: number) {
  return input<number>({
    wasm: ["i32"],
    parts: ["value"],
    doc,
    check: `($0 >>> 0) > ${names.length - 1}`,
    checkStatus: status,
    decode: "$0",
    show: (value) => names[value] ?? String(value),
  });
}

/** A raw address that the body itself writes through. */
export const address = input<number>({
  wasm: ["i32"],
  parts: ["pointer"],
  doc: "address",
  decode: "$0 >>> 0",
  show: String,
});

/**
 * Bytes given to the guest in memory of its own: allocate, copy, write the pointer, then the size. Nothing is pointer 0 and
 * size 0, and the allocator is not called: Go's traps when asked for 0 bytes. [H] copyToPointerSize
 */
export const returnBytes = output<ByteString | Uint8Array>({
  wasm: ["i32", "i32"],
  parts: ["pointer to pointer", "pointer to size"],
  doc: "bytes, in memory from the guest's allocator",
  encode: "lib.returnBytes(port, memory, $0, $1, $v)",
  show: (value) => (typeof value === "string" ? quote(value) : showBytes(value)),
});

/** Encoded pairs, given to the guest as `returnBytes` does. */
export const returnPairs = output<Uint8Array>({
  wasm: returnBytes.wasm,
  parts: returnBytes.parts,
  encode: returnBytes.encode,
  doc: "pairs, in memory from the guest's allocator",
  show: (value) => showPairs(decodePairs(value).pairs),
});

/** As `returnBytes`, where a null out-pointer means "not wanted". Only `proxy_call_foreign_function`. */
export const returnBytesIfWanted = output<Uint8Array>({
  wasm: ["i32", "i32"],
  parts: ["pointer to pointer or 0", "pointer to size or 0"],
  doc: "bytes, in memory from the guest's allocator",
  encode: "lib.returnBytesIfWanted(port, memory, $0, $1, $v)",
  show: showBytes,
});

export const returnU32 = output<number>({
  wasm: ["i32"],
  parts: ["pointer to u32"],
  doc: "u32",
  encode: "memory.writeU32($0, $v)",
  show: String,
});

/** A token: 0 is written before anything happens, so that a bad pointer has no side effect. Only `proxy_http_call`. [H] */
export const returnTokenProbed = output<number>({
  wasm: ["i32"],
  parts: ["pointer to u32"],
  doc: "u32; 0 is written first",
  prepare: "memory.writeU32($0, 0)",
  encode: "memory.writeU32($0, $v)",
  show: String,
});

export const returnU64 = output<bigint>({
  wasm: ["i32"],
  parts: ["pointer to u64"],
  doc: "u64",
  encode: "memory.writeU64($0, $v)",
  show: String,
});

/** What the sources above may name. */
export const lib = {
  decodePairs,
  returnBytes(
    port: GuestPort,
    memory: GuestMemory,
    toPointer: number,
    toSize: number,
    value: ByteString | Uint8Array,
  ): void {
    const size = value.length;
    let at = 0;
    if (size > 0) {
      at = port.allocate(size);
      if (typeof value === "string") memory.writeText(at, value);
      else memory.writeBytes(at, value);
    }
    memory.writeU32(toPointer, at);
    memory.writeU32(toSize, size);
  },
  returnBytesIfWanted(
    port: GuestPort,
    memory: GuestMemory,
    toPointer: number,
    toSize: number,
    value: Uint8Array,
  ): void {
    let at = 0;
    if (value.length > 0) {
      at = port.allocate(value.length);
      memory.writeBytes(at, value);
    }
    if (toPointer !== 0) memory.writeU32(toPointer, at);
    if (toSize !== 0) memory.writeU32(toSize, value.length);
  },
};
