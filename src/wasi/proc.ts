import { address, i32, returnU32, u32 } from "../vm/parameters.js";
import type { WasiFunction } from "./wasi-function.js";
import { constant, Errno, wasi } from "./wasi-function.js";

/** Does not end anything: [H] logs and returns, and the guest usually executes `unreachable` next. */
export const procExit: WasiFunction = {
  ...wasi(
    "proc_exit",
    { code: u32 },
    ({ wasi: w }, { code }) => {
      w.note(`proc_exit(${code})`);
      return 0;
    },
    {},
  ),
  result: "none",
};

export const schedYield = constant("sched_yield", {}, Errno.Success, {});

/** Returns at once with no event: Go sleeps by it and needs the success. [H] */
export const pollOneoff = wasi(
  "poll_oneoff",
  { subscriptions: address, events: address, count: i32, ready: returnU32 },
  () => ({ ready: 0 }),
  { start: true, allocator: true },
);
