import { address, i32, returnU32, returnU64, u32 } from "../vm/parameters.js";
import type { Parameter } from "../vm/parameters.js";
import { constant, Errno, wasi } from "./wasi-function.js";

/** [H] writes 8 bytes where the standard has 4. */
export const sockAccept = wasi("sock_accept", { fd: i32, flags: u32, opened: returnU64 }, () => ({
  status: Errno.NotSupported,
  opened: 0n,
}));

const returnU16: Parameter<never, number> & { readonly encode: string } = {
  wasm: ["i32"],
  parts: ["pointer to u16"],
  doc: "u16",
  encode: "memory.writeBytes($0, new Uint8Array([$v, $v >>> 8]))",
  show: String as (value: never) => string,
};

/** Writes 0 bytes and no flags, and answers that it is not supported. [H] */
export const sockRecv = wasi(
  "sock_recv",
  { fd: i32, vectors: address, count: u32, flags: u32, received: returnU32, outFlags: returnU16 },
  () => ({ status: Errno.NotSupported, received: 0, outFlags: 0 }),
);

/** Writes 0 bytes and answers that it is not supported. [H] */
export const sockSend = wasi(
  "sock_send",
  { fd: i32, vectors: address, count: u32, flags: u32, sent: returnU32 },
  () => ({ status: Errno.NotSupported, sent: 0 }),
);

export const sockShutdown = constant("sock_shutdown", { fd: i32, how: u32 }, Errno.NotSupported);
