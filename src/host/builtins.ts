import { u32, i32 } from "../vm/parameters.js";
import type { Hostcall } from "./hostcall.js";
import { hostcall } from "./hostcall.js";

/** Emscripten's modules tell that their memory grew; our views notice by themselves. Cannot be restricted. [H] */
export const emscriptenNotifyMemoryGrowth: Hostcall = {
  ...hostcall(
    { name: "emscripten_notify_memory_growth", params: { memory: u32 }, phases: { start: true }, result: "value" },
    () => 0,
  ),
  result: "none",
};

/** There is one thread. Cannot be restricted. [H] */
export const pthreadEqual = hostcall(
  { name: "pthread_equal", params: { left: i32, right: i32 }, result: "value" },
  (_, { left, right }) => (left === right ? 1 : 0),
);

export const builtins: ReadonlyMap<string, Hostcall> = new Map(
  [emscriptenNotifyMemoryGrowth, pthreadEqual].map((one) => [one.name, one]),
);
