import { i64, returnU64, u32 } from "../vm/parameters.js";
import { Errno, wasi } from "./wasi-function.js";

const wall = 0;
const monotonic = 1;

/** Nanoseconds of the wall (0) or monotonic (1) clock; other clocks are not supported. The precision is ignored. [H] */
export const clockTimeGet = wasi(
  "clock_time_get",
  { clock: u32, precision: i64, time: returnU64 },
  ({ wasi: w }, { clock }) => {
    if (clock === wall) return { time: w.wallNs() };
    return clock === monotonic ? { time: w.monotonicNs() } : Errno.NotSupported;
  },
  { start: true, allocator: true },
);

/** One nanosecond. wasi-js writes it with the wrong byte order. [H] */
export const clockResGet = wasi("clock_res_get", { clock: u32, resolution: returnU64 }, (_, { clock }) =>
  clock === wall || clock === monotonic ? { resolution: 1n } : Errno.NotSupported,
);
