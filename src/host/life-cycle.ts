import { LogLevel } from "../abi/enums.js";
import { HarnessError } from "../errors.js";
import type { LoadedModule } from "../vm/loaded-module.js";
import { PluginContext, ReadOnlyBuffer, StreamContext } from "./contexts.js";
import type { PluginSettings } from "./contexts.js";
import { trapError } from "./failure.js";
import type { Guard } from "./guard.js";
import { GuestTimeout, timeoutError } from "./guard.js";
import type { LinkOptions } from "./linker.js";
import { abiOf, link, linkError, linkProblems } from "./linker.js";
import type { VmSettings } from "./plugin-vm.js";
import { PluginVm } from "./plugin-vm.js";
import type { HostProcess } from "./process.js";
import type { StreamPort } from "./stream-port.js";

/** Makes a VM of a module and runs its start functions; `vm.failure` tells when one of them trapped. */
export async function createVm(
  process: HostProcess,
  module: LoadedModule,
  settings: VmSettings,
  guard: Guard,
  options: LinkOptions,
): Promise<PluginVm> {
  const { wasiBase } = await import("../wasi/wasi-js.js");
  const abi = abiOf(module.info);
  if (abi === undefined) throw linkError(linkProblems(module.info, process.behaviour, options.hostFunctions));
  const make = (): PluginVm => {
    const base = wasiBase(settings.environment ?? {});
    const vm = new PluginVm(process, module, abi, settings, guard, base.functions);
    vm.relink = () => link(vm, base, options);
    vm.another = make;
    vm.attach(vm.relink());
    process.vms.push(vm);
    return vm;
  };
  return make();
}

/**
 * Starts a plugin in a VM: context_create, vm_start and configure on a new root. [H] §8.3
 *
 * A refusal or a trap is told by `vm.failure`.
 */
export function startPlugin(vm: PluginVm, settings: PluginSettings): PluginContext {
  const root = new PluginContext(vm, vm.takeContextId(), settings);
  const configuration = new ReadOnlyBuffer(settings.configuration);
  root.readableConfiguration = configuration;
  vm.createContext(root, 0);
  root.readableConfiguration = undefined;
  const started = vm.failed ? 1 : vm.enter(vm.callbacks.proxy_on_vm_start, root, vm.settings.configuration.length);
  vm.finish();
  if (!vm.failed && started === 0) {
    vm.failure = { state: "StartFailed" };
    vm.hostLog(LogLevel.Error, "Wasm VM failed Failed to start base Wasm");
  }
  if (vm.failed) return root;
  root.readableConfiguration = configuration;
  const configured = vm.notify(vm.callbacks.proxy_on_configure, root, settings.configuration.length);
  root.readableConfiguration = undefined;
  if (!vm.failed && configured === 0) {
    vm.failure = { state: "ConfigureFailed" };
    vm.hostLog(LogLevel.Error, "Wasm VM failed Failed to configure base Wasm plugin");
  }
  return root;
}

/** Ends a plugin: on_done; then its open streams and on_delete at once, or when the guest calls proxy_done. [H] §8.5 */
export function endPlugin(root: PluginContext): void {
  const { vm } = root;
  if (vm.contexts.get(root.id) !== root || root.awaitsDone) return;
  if (vm.failed) {
    vm.contexts.remove(root);
    root.deleted = true;
    root.tickTimer?.cancel();
    vm.calls.cancelAll(root);
    return;
  }
  const done = vm.enter(vm.callbacks.proxy_on_done, root);
  const waits = done === 0 && !vm.failed;
  root.awaitsDone = waits; // from now on: inside on_done nothing waits yet
  vm.finish();
  if (waits) return; // its streams live on as well
  for (const context of vm.contexts.all()) {
    if (context instanceof StreamContext && context.root === root) context.stream.abandon();
  }
  vm.deleteContext(root);
}

/** A VM without plugins is gone; with the last VM of a vm_id go its shared data and queues. [H] */
export function endVmIfLast(vm: PluginVm): void {
  if (vm.contexts.all().some((context) => context !== vm.vmContext)) return;
  const { vms, sharedData, queues } = vm.process;
  const at = vms.indexOf(vm);
  if (at >= 0) vms.splice(at, 1);
  const { vmId } = vm.settings;
  if (vms.some(({ settings }) => settings.vmId === vmId)) return;
  sharedData.drop(vmId);
  queues.drop(vmId);
}

/** A stream context of a plugin; the guest is told of it by `createStream`. */
export function openStream(root: PluginContext, port: StreamPort): StreamContext {
  const context = new StreamContext(root, root.vm.takeContextId(), port);
  root.vm.contexts.add(context);
  return context;
}

export function createStream(context: StreamContext): void {
  context.vm.createContext(context, context.root.id);
  context.vm.finish();
}

/** The error of a VM that failed, for a person. */
export function failureError(vm: PluginVm): HarnessError {
  const { state, trap } = vm.failure!;
  if (trap?.thrown instanceof GuestTimeout) return timeoutError(trap.callback, trap.contextId, trap.thrown);
  if (trap !== undefined) return trapError(trap);
  const said = vm.process.log.records.slice(-5).map((record) => record.toString());
  return state === "StartFailed"
    ? new HarnessError("VM_START_REFUSED", "Plugin refused to start: proxy_on_vm_start returned false", {
        details: said,
      })
    : new HarnessError("CONFIGURE_REFUSED", "Plugin refused its configuration: proxy_on_configure returned false", {
        details: said,
      });
}
