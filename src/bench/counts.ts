import type { TraceEvent } from "../host/trace.js";
import type { Subject } from "./subject.js";

/** What one exchange does that does not depend on time: means over the exchanges that were counted. */
export interface Counts {
  readonly hostcalls: number;
  /** Bytes that hostcalls took from the guest or gave to it: strings, bodies, header pairs; not the numbers. */
  readonly bytesCopied: number;
  /** Pieces of guest memory that the host asked the guest for, to hand something over; and their bytes. */
  readonly allocations: number;
  readonly allocatedBytes: number;
  readonly logLines: number;
  readonly logBytes: number;
  /** Calls of each hostcall, most first. */
  readonly byHostcall: Readonly<Record<string, number>>;
}

/** Counts on a plugin of its own, of so many exchanges. */
export function countExchanges(subject: Subject, exchanges: number): Counts {
  const { plugin } = subject;
  const { process } = plugin.vm;
  const state = plugin.snapshot();
  const calls = new Map<string, number>();
  let [allocations, allocatedBytes, hostcalls, on] = [0, 0, 0, false];
  const allocators: readonly string[] = process.behaviour.allocators;
  process.tap = (kind, name, target) => {
    const call = target as (...args: unknown[]) => unknown;
    const counted = (...args: unknown[]): unknown => {
      if (on && kind === "hostcall") {
        hostcalls++;
        calls.set(name, (calls.get(name) ?? 0) + 1);
      } else if (on && allocators.includes(name)) {
        allocations++;
        allocatedBytes += Number(args[0]);
      }
      return call(...args);
    };
    return counted as typeof target;
  };
  plugin.vm.replaceInstance();
  plugin.restore(state);
  plugin.vm.trace.events = [];
  let [bytesCopied, logLines, logBytes] = [0, 0, 0];
  subject.forget(); // the log of its configuration
  on = true;
  plugin.batch(() => {
    for (let i = 0; i < exchanges; i++) {
      subject.exchange();
      for (const event of plugin.trace) bytesCopied += carried(event);
      logLines += plugin.logs.length;
      for (const { bytes } of plugin.logs) logBytes += bytes.length;
      subject.forget();
    }
  });
  process.tap = undefined;
  const mean = (sum: number): number => sum / exchanges;
  const sorted = [...calls].sort(([, a], [, b]) => b - a);
  return {
    hostcalls: mean(hostcalls),
    bytesCopied: mean(bytesCopied),
    allocations: mean(allocations),
    allocatedBytes: mean(allocatedBytes),
    logLines: mean(logLines),
    logBytes: mean(logBytes),
    byHostcall: Object.fromEntries(sorted.map(([name, count]) => [name, mean(count)])),
  };
}

function carried(event: TraceEvent): number {
  if (event.kind === "hostcall") return sizeOf(event.args) + sizeOf(event.outcome);
  return event.kind === "log" ? (event.log.record(event.line)?.bytes.length ?? 0) : 0;
}

/** Bytes of the strings and byte arrays in a decoded value; header strings hold one byte a character. */
function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null) return 0;
  if (Symbol.iterator in value) {
    let sum = 0;
    for (const one of value as Iterable<unknown>) sum += sizeOf(one);
    return sum;
  }
  const { constructor } = value;
  return constructor === Object ? sizeOf(Object.values(value)) : 0;
}
