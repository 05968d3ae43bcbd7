import type { PluginOptions } from "../harness/plugin.js";
import type { AllocationCounting } from "../vm/count-allocations.js";
import type { BenchExchange } from "./subject.js";
import { Subject } from "./subject.js";

/** What the guest asks of its own allocator in an exchange, means; what it hands over to the host is among it. */
export interface OwnAllocations {
  /** The functions whose calls were counted. */
  readonly functions: readonly string[];
  readonly calls: number;
  readonly bytes: number;
}

/** Counts on a plugin of its own, whose allocator has counters; of the module as it is nothing is slowed. */
export async function ownAllocations(
  { bytes, allocator }: AllocationCounting,
  options: PluginOptions,
  exchanges: readonly BenchExchange[],
  streams: number,
): Promise<OwnAllocations> {
  const subject = await Subject.load(bytes, options, exchanges, streams);
  const [calls, asked] = subject.plugin.vm.globals.slice(-2);
  subject.sample(Math.max(20, exchanges.length)); // what is set up once
  const [callsBefore, askedBefore] = [calls!.value as number, asked!.value as bigint];
  const times = Math.max(200, 10 * exchanges.length);
  subject.sample(times);
  const made = times * streams;
  const found = {
    functions: allocator,
    calls: (((calls!.value as number) - callsBefore) >>> 0) / made,
    bytes: Number((asked!.value as bigint) - askedBefore) / made,
  };
  subject.close();
  return found;
}
