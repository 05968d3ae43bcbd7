import type { ByteString } from "../../abi/bytes.js";
import type { Diagnostic } from "../../host/diagnostics.js";
import type { ProcessState } from "../../host/state.js";
import type { CallRecord } from "./http-calls.js";
import type { FetchCounts, PluginHome, ReloadCounts, VmCounts } from "./plugin-handle.js";
import type { PluginSetState } from "./plugin-set.js";

/** All that can change in a proxy, at one moment without a stream: see `EnvoyProxy.capture`. */
export interface ProxyState {
  readonly process: ProcessState;
  readonly plugins: PluginSetState;
  readonly home: HomeState;
  readonly calls: readonly CallRecord[];
  readonly accessLogLength: number;
  readonly diagnostics: readonly Diagnostic[];
  readonly counters: Counters;
  readonly bugs: ReadonlyMap<string, number>;
  readonly sunk: ReadonlyMap<ByteString, bigint>;
  readonly random: Uint32Array;
}

/** Numbers that a proxy counts up. */
export interface Counters {
  /** Clients' connections so far: ids, ports and threads follow from it. */
  connections: number;
  /** Requests that were given an id. */
  requestIds: number;
}

interface HomeState {
  readonly active: number;
  /** The objects themselves are kept as well: plugins hold on to them. */
  readonly vms: readonly (readonly [string, VmCounts, VmCounts])[];
  readonly fetches: FetchCounts;
  readonly reloads: readonly (readonly [string, ReloadCounts])[];
}

export function captureHome({ active, vms, fetches, reloads }: PluginHome): HomeState {
  return {
    active,
    vms: [...vms].map(([prefix, counts]) => [prefix, counts, { ...counts }] as const),
    fetches: { ...fetches },
    reloads: [...reloads].map(([name, counts]) => [name, { ...counts }] as const),
  };
}

export function restoreHome(home: PluginHome, state: HomeState): void {
  home.active = state.active;
  home.vms.clear();
  for (const [prefix, counts, values] of state.vms) home.vms.set(prefix, Object.assign(counts, values));
  Object.assign(home.fetches, state.fetches);
  home.reloads.clear();
  for (const [name, counts] of state.reloads) home.reloads.set(name, { ...counts });
}
