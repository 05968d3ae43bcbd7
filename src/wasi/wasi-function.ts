import type { Body, FunctionDescriptor, Phases } from "../vm/import-function.js";
import type { GuestPort, Parameter } from "../vm/parameters.js";

/** What WASI functions need of the world: the host implements it. */
export interface WasiSystem {
  /** A finished write to fd 1 or 2: one record, one newline at its end already cut. */
  write(fd: 1 | 2, bytes: Uint8Array): void;
  wallNs(): bigint;
  monotonicNs(): bigint;
  random(target: Uint8Array): void;
  /** Calls that [H] hands to a hook and then ignores: fd_close, fd_seek, proc_exit. */
  note(text: string): void;
  /** The functions of wasi-js, bound to the instance. */
  readonly base: Readonly<Record<string, (...args: (number | bigint)[]) => number>>;
}

export interface WasiScope extends GuestPort {
  readonly wasi: WasiSystem;
}

export type WasiFunction = FunctionDescriptor<WasiScope>;

/** Error numbers of WASI preview1 that [H] answers. */
export const Errno = {
  Success: 0,
  BadFd: 8,
  Exist: 20,
  Fault: 21,
  Invalid: 28,
  NoEntry: 44,
  NoSys: 52,
  NotSupported: 58,
  NotCapable: 76,
} as const;

/** Unless said otherwise a function may be called while `_start` runs, and not by the allocator. [H] */
const usual: Phases = { start: true };

/** Describes a WASI function as `hostcall` does one of proxy-wasm; it answers an errno. */
export function wasi<P extends Readonly<Record<string, Parameter>>>(
  name: string,
  params: P,
  body: Body<WasiScope, P>,
  phases: Phases = usual,
): WasiFunction {
  return { name, params, phases, result: "errno", body };
}

/** A function that answers one number whatever it is given. */
export function constant(name: string, params: Readonly<Record<string, Parameter>>, errno: number, phases = usual) {
  return wasi(name, params, () => errno, phases);
}

/** Standard output and standard error are the only files there are. */
export const isOutput = (fd: number): fd is 1 | 2 => fd === 1 || fd === 2;
