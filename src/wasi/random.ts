import { limits } from "../abi/limits.js";
import { address, u32 } from "../vm/parameters.js";
import { Errno, wasi } from "./wasi-function.js";

/** Fills memory with random bytes, at most 64 KiB (else EINVAL); for none the address is not looked at. [H] */
export const randomGet = wasi("random_get", { buffer: address, size: u32 }, ({ memory, wasi: w }, { buffer, size }) => {
  if (size > limits.randomBytes) return Errno.Invalid;
  if (size > 0) w.random(memory.view(buffer, size));
  return Errno.Success;
});
