import { hostcalls } from "../host/hostcalls/index.js";
import type { Parameter } from "../vm/parameters.js";
import { wasiFunctions } from "../wasi/index.js";
import type { TraceCall, TraceEntry } from "./envoy/trace.js";

/** Which raw arguments of a function are addresses in the guest's memory, from its description. */
function addressesOf(name: string): readonly boolean[] {
  const found = hostcalls.get(name) ?? wasiFunctions.get(name.replace(/^wasi_\w+\./, ""));
  const parameters = Object.values((found?.params ?? {}) as Record<string, Parameter>);
  return parameters.flatMap(({ parts }) => parts.map((part) => part.startsWith("pointer")));
}

const allocators: ReadonlySet<string> = new Set(["malloc", "proxy_on_memory_allocate"]);

/** Calls that a runtime makes as it finds time: Go's asks for the clock a different number of times in every run. */
const byChance = /^wasi_\w+\.(clock_time_get|random_get|sched_yield|poll_oneoff)$/;

/** A trace without addresses and without readings of the clock: for guests that differ from themselves in these, as Go's do. */
export function withoutChance(trace: readonly TraceEntry[]): TraceEntry[] {
  const kept = trace.filter((entry) => entry.kind === "log" || !byChance.test(entry.name));
  return kept.map((entry) => (entry.kind === "log" ? entry : withoutOf(entry)));
}

function withoutOf(call: TraceCall): TraceCall {
  const addresses = call.kind === "hostcall" ? addressesOf(call.name) : [];
  return {
    ...call,
    args: call.args.map((arg, i) => (addresses[i] === true ? "<address>" : arg)),
    ...(allocators.has(call.name) && call.result !== undefined && { result: "<address>" }),
    ...(call.inner && { inner: withoutChance(call.inner) }),
  };
}
