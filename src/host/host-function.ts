import type { Answer, FunctionDescriptor } from "../vm/import-function.js";
import type { GuestMemory } from "../vm/memory.js";
import type { Inputs, Parameter } from "../vm/parameters.js";
import {
  address,
  blob,
  bool,
  fieldName,
  i32,
  i64,
  pairs,
  returnBytes,
  returnU32,
  returnU64,
  text,
  u32,
  u64,
} from "../vm/parameters.js";
import type { Context } from "./contexts.js";

/**
 * How parameters of a host function cross the border. Each stands for one wasm parameter, or for two where it is bytes.
 *
 * What the guest hands in: `text` (byte string), `fieldName` (the same in lower case), `blob` (a copy of bytes), `pairs`
 * (`{ pairs, malformed? }`), `u32`, `i32`, `bool`, `u64`, `i64` (bigint), `address` (left to the body). What it gets back:
 * `returnBytes` (pointer to pointer and pointer to size: bytes in memory from its allocator), `returnU32`, `returnU64`.
 */
export const kinds = {
  text,
  fieldName,
  blob,
  pairs,
  u32,
  i32,
  bool,
  u64,
  i64,
  address,
  returnBytes,
  returnU32,
  returnU64,
} as const;

/** The guest that calls a host function. */
export interface HostFunctionCall {
  /** Its linear memory. A range outside of it ends the call with INVALID_MEMORY_ACCESS. */
  readonly memory: GuestMemory;
  /** Memory from its allocator, for `size` bytes, more than 0. */
  allocate(size: number): number;
  /** The context it acts for: the effective one. */
  readonly acting: Context;
}

/** A function that a test adds to the host, made with `hostFunction`. */
export type HostFunction = Omit<FunctionDescriptor, "name">;

/** Functions that a test adds, by module and name. */
export type HostFunctions = Readonly<Record<string, Readonly<Record<string, HostFunction>>>>;

/**
 * A function that plugins can import, as the host's own are: arguments are read from the guest before the body runs, results are
 * written to it after.
 *
 * The body answers a status, or an object with the results (status OK) and, if it likes, `status`. With `result: "value"` it
 * answers the i32 that the guest gets, with `"none"` nothing. It may be called at any time, and a capability list does not
 * forbid it. What the body throws ends the guest as a trap does.
 *
 * @param params Parameters in order, each of a kind of `kinds`; the names are the body's and those in the trace.
 */
export function hostFunction<P extends Readonly<Record<string, Parameter>>>(
  params: P,
  body: (args: Inputs<P>, call: HostFunctionCall) => Answer<P> | void,
  options: { readonly result?: "status" | "value" | "none" } = {},
): HostFunction {
  return {
    params,
    result: options.result ?? "status",
    phases: { start: true, allocator: true },
    body: (call: HostFunctionCall, args: Inputs<P>) => body(args, call),
  };
}
