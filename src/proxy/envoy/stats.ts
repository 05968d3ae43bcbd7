import type { ByteString } from "../../abi/bytes.js";
import { MetricType } from "../../abi/enums.js";
import type { Metric } from "../../host/services/metrics.js";
import type { StatsUpdate } from "../../host/services/stats-update.js";
import type { PluginHome } from "./plugin-handle.js";
import type { Profile } from "./profiles.js";

/** One statistic of the proxy. Histograms are not among them: Envoy shows their quantiles, which we do not
 * compute; nor is what was never used. */
export interface Stat {
  readonly name: ByteString;
  readonly kind: "counter" | "gauge";
  readonly value: bigint;
}

/** What there is to count: VMs, reloads, fetches, metrics of plugins, and of Envoy itself what a plugin may meet in a sink. */
export function statsOf(home: PluginHome, metrics: readonly Metric[], profile: Profile, workers: number): Stat[] {
  const stats: Stat[] = [
    gauge("server.concurrency", workers),
    gauge("server.days_until_first_cert_expiring", 0xffffffff),
    gauge("server.live", 1),
    counter("server.dynamic_unknown_fields", 0),
    counter("server.static_unknown_fields", 0),
  ];
  for (const [prefix, counts] of home.vms) {
    stats.push(counter(`${prefix}.created`, counts.created), gauge(`${prefix}.active`, counts.active));
  }
  if (profile.countsVms && home.vms.size > 0) stats.push(gauge("wasm.wasm_vm_count", home.active));
  for (const [name, { success, failure, backoff }] of home.reloads) {
    if (backoff > 0) stats.push(counter(`wasm.${name}.vm_reload_backoff`, backoff));
    if (failure > 0) stats.push(counter(`wasm.${name}.vm_reload_failure`, failure));
    if (success > 0) stats.push(counter(`wasm.${name}.vm_reload_success`, success));
  }
  const { fetches } = home;
  if (fetches.successes + fetches.failures > 0) {
    stats.push(gauge("wasm.remote_load_cache_entries", fetches.entries));
    stats.push(counter("wasm.remote_load_cache_misses", fetches.successes + fetches.failures));
    if (fetches.successes > 0) stats.push(counter("wasm.remote_load_fetch_successes", fetches.successes));
    if (fetches.failures > 0) stats.push(counter("wasm.remote_load_fetch_failures", fetches.failures));
  }
  for (const { type, name, value, used } of metrics) {
    if (type === MetricType.Histogram || !used) continue;
    const kind = type === MetricType.Counter ? "counter" : "gauge";
    stats.push({ name: metricName(name, profile.metricPrefix), kind, value });
  }
  return stats.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** [R] An empty name leaves the namespace without its dot. */
const metricName = (name: ByteString, prefix: string): ByteString =>
  name === "" ? prefix.slice(0, -1) : prefix + name;

/**
 * The lines of `/stats/prometheus`: counters before gauges. Names of plugins' metrics stand there without their namespace and
 * without `envoy_`; those that do not begin as a name must are left out. [R]
 */
export function prometheusLines(stats: readonly Stat[]): string[] {
  return ["counter", "gauge"].flatMap((kind) =>
    stats
      .filter((stat) => stat.kind === kind)
      .flatMap(({ name, value }) => {
        const own = name.startsWith(customNamespace);
        const shown = (own ? name.slice(customNamespace.length) : `envoy_${name}`).replace(/[^a-zA-Z0-9_:]/g, "_");
        if (!/^[a-zA-Z_]/.test(shown)) return [];
        return [`# TYPE ${shown} ${kind}`, `${shown}{} ${value}`];
      }),
  );
}

const customNamespace = "wasmcustom.";

/** What a sink gets; `last` has the counters of the update before. */
export function updateOf(stats: readonly Stat[], last: Map<ByteString, bigint>): StatsUpdate {
  const counters = stats.flatMap(({ name, kind, value }) => {
    if (kind !== "counter") return [];
    const delta = value - (last.get(name) ?? 0n);
    last.set(name, value);
    return [{ name, value, delta }];
  });
  return { counters, gauges: stats.filter(({ kind }) => kind === "gauge") };
}

const counter = (name: string, value: number): Stat => ({ name, kind: "counter", value: BigInt(value) });
const gauge = (name: string, value: number): Stat => ({ name, kind: "gauge", value: BigInt(value) });
