import { createVm, failureError, startPlugin } from "../host/life-cycle.js";
import { ManualCallouts } from "../harness/calls.js";
import { newHome } from "../harness/home.js";
import { configurationBytes } from "../harness/option-values.js";
import type { PluginOptions } from "../harness/plugin.js";
import { Plugin } from "../harness/plugin.js";
import type { LoadedModule } from "../vm/loaded-module.js";
import type { BenchExchange } from "./subject.js";
import { Subject } from "./subject.js";
import type { Estimate } from "./statistics.js";
import { median } from "./statistics.js";

/** What is paid once, in milliseconds: medians of five new VMs, with the least and the most of them. */
export interface ColdCosts {
  /** Compiling the module anew; V8 in Node compiles most functions only when they are first called. */
  readonly compileMs: Estimate;
  /** Linking an instance and running `_initialize` or `_start`. */
  readonly vmStartMs: Estimate;
  /** The root context, `proxy_on_vm_start` and `proxy_on_configure`. */
  readonly configureMs: Estimate;
  /** The first exchange on the first VM of the process, with what V8 compiles for it: there is but one of it. */
  readonly firstExchangeMs: number;
}

/** Measures before anything else of the module has run in this process: later nothing is cold any more. */
export async function measureCold(
  module: LoadedModule,
  options: PluginOptions,
  exchanges: readonly BenchExchange[],
): Promise<ColdCosts> {
  const compiles: number[] = [];
  const starts: number[] = [];
  const configures: number[] = [];
  let firstExchangeMs = NaN;
  for (let i = 0; i < 5; i++) {
    compiles.push(timed(() => void new WebAssembly.Module(distinct(module.bytes, i) as BufferSource)));
    const home = newHome(options, (clock) => new ManualCallouts(clock, options.upstreams));
    const settings = {
      vmId: options.vmId ?? "",
      configuration: configurationBytes(options.vmConfiguration),
      ...(options.environment && { environment: options.environment }),
    };
    const begun = performance.now();
    const link = { unknownImports: options.unknownImports ?? "refuse", hostFunctions: options.hostFunctions ?? {} };
    const vm = await createVm(home.process, module, settings, home.guard, link);
    starts.push(performance.now() - begun);
    if (vm.failed) throw failureError(vm);
    const configuring = performance.now();
    const root = startPlugin(vm, {
      name: options.name ?? "plugin",
      rootId: options.rootId ?? "",
      configuration: configurationBytes(options.configuration),
    });
    configures.push(performance.now() - configuring);
    if (vm.failed) throw failureError(vm);
    if (i > 0) continue;
    const subject = Subject.of(new Plugin(root, home, options), exchanges, 1);
    firstExchangeMs = timed(() => subject.exchange());
  }
  return {
    compileMs: middle(compiles),
    vmStartMs: middle(starts),
    configureMs: middle(configures),
    firstExchangeMs,
  };
}

/** From the least to the most of five lies the median of all in 94 of 100 repetitions. */
const middle = (few: readonly number[]): Estimate => ({
  value: median(few),
  low: Math.min(...few),
  high: Math.max(...few),
});

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** The module with an empty custom section more: V8 would answer equal bytes from its cache. */
function distinct(bytes: Uint8Array, number: number): Uint8Array {
  return Buffer.concat([bytes, Uint8Array.of(0, 3, 2, 0x78, 0x30 + number)]);
}
