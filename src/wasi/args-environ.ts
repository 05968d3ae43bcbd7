import { address } from "../vm/parameters.js";
import { wasi } from "./wasi-function.js";

/** There are no arguments: count and size 0. [H] */
export const argsSizesGet = wasi("args_sizes_get", { argc: address, size: address }, ({ wasi: w }, a) =>
  w.base["args_sizes_get"]!(a.argc, a.size),
);

/** Writes nothing: there are no arguments. [H] */
export const argsGet = wasi("args_get", { argv: address, buffer: address }, ({ wasi: w }, a) =>
  w.base["args_get"]!(a.argv, a.buffer),
);

/** Count of variables, and bytes of all `KEY=VALUE` with a NUL each. */
export const environSizesGet = wasi("environ_sizes_get", { count: address, size: address }, ({ wasi: w }, a) =>
  w.base["environ_sizes_get"]!(a.count, a.size),
);

/** A pointer for each variable, and `KEY=VALUE` with a NUL one after the other. [H] */
export const environGet = wasi("environ_get", { environ: address, buffer: address }, ({ wasi: w }, a) =>
  w.base["environ_get"]!(a.environ, a.buffer),
);
