import { didYouMean } from "../abi/nearest.js";
import { HarnessError } from "../errors.js";
import { dnsAnswers } from "../host/services/dns.js";
import { listenerDefaults } from "../proxy/envoy/listener-defaults.js";
import type { Profile } from "../proxy/envoy/profiles.js";
import { profileOf } from "../proxy/envoy/profiles.js";
import { EnvoyProxy } from "../proxy/envoy/proxy.js";
import type { PluginConfig, ProxySettings, Route, VirtualHost } from "../proxy/envoy/settings.js";
import {
  checkOptions,
  filterChecks,
  listenerChecks,
  proxyChecks,
  serviceChecks,
  upstreamChecks,
} from "./option-checks.js";
import { configurationBytes, logLevelOf } from "./option-values.js";
import { Proxy } from "./proxy.js";
import type { FilterOptions, ProxyOptions } from "./proxy-options.js";
import type { ModuleSource } from "./source.js";
import { loadSource, nameOf, nameOfSource } from "./source.js";
import { UpstreamServer } from "./tcp-client.js";
import { UpstreamTable } from "./upstreams.js";

/**
 * Starts a proxy: filters, routes and upstreams, as one Envoy has them.
 *
 * @throws {HarnessError} As `loadPlugin`, for a plugin that Envoy would not start with; OPTION_INVALID.
 */
export async function createProxy(options: ProxyOptions): Promise<Proxy> {
  checkOptions("createProxy", options, proxyChecks);
  checkOptions("createProxy's listener", options.listener ?? {}, listenerChecks);
  for (const [name, one] of Object.entries(options.upstreams ?? {})) {
    if (typeof one !== "function" && (typeof one !== "object" || one === null)) {
      const given = `upstream "${name}" of createProxy: ${String(one)} is no answer`;
      throw new HarnessError("OPTION_INVALID", `Cannot use ${given}; write { status: 200 } or a function`);
    }
    if (typeof one === "object" && "answer" in one) checkOptions(`upstream "${name}"`, one, upstreamChecks);
  }
  if (options.tcp !== undefined) {
    for (const name of ["accessLoggers", "upstreamFilters", "route", "routes", "virtualHosts"] as const) {
      if (options[name] !== undefined)
        throw new HarnessError("OPTION_INVALID", `Cannot use ${name} with tcp: only an HTTP proxy has it`);
    }
  }
  const plugins = await Promise.all(options.filters.map((one) => pluginConfig(one)));
  const others = await otherPlugins(options);
  const proxyRef: { proxy?: Proxy; startFailure?: HarnessError } = {};
  const clusters = new UpstreamTable(options.upstreams ?? {}, options.onUnknownUpstream ?? "error", {
    clock: () => proxyRef.proxy!.clock,
    arrived: (request, from) => proxyRef.proxy!.arrived(request, from),
    waitFor: (promise) => proxyRef.proxy!.waitFor(promise),
    failed: (error) => {
      if (proxyRef.proxy === undefined) proxyRef.startFailure ??= error;
      else proxyRef.proxy.failed(error);
    },
    generation: () => proxyRef.proxy!.generation,
  });
  const profile = profileOf(options.envoy);
  const settings: ProxySettings = {
    plugins,
    ...others,
    virtualHosts: virtualHostsOf(options),
    clusters,
    listener: { ...listenerDefaults, ...options.listener },
    properties: options.properties ?? {},
    dynamicMetadata: options.dynamicMetadata ?? {},
    ...(options.node && { node: options.node }),
    logLevel: logLevelOf(options.logLevel ?? "info"),
    resolveDns: dnsAnswers(options.resolveDns ?? {}),
    foreignFunctions: options.foreignFunctions ?? {},
    workers: options.workers ?? 0,
    seed: options.seed ?? 1,
    ...(options.startTime && { startNs: BigInt(options.startTime.getTime()) * 1_000_000n }),
    ...(options.order !== undefined && { order: options.order }),
    ...(options.realClock !== undefined && { realClock: options.realClock }),
    budgetMs: options.budgetMs ?? 1000,
    trace: options.trace ?? false,
  };
  const engine = await started(settings, profile, proxyRef);
  const policies = plugins.some((one) => one.failurePolicy !== undefined || one.failOpen !== undefined);
  const server = options.tcp && new UpstreamServer(options.tcp, engine.clock);
  const strictness = {
    throwOnFailure: (options.onFailure ?? (policies ? "policy" : "throw")) === "throw",
    strict: options.strict ?? false,
  };
  return (proxyRef.proxy = new Proxy(engine, strictness, clusters, server));
}

/** What goes wrong with an upstream while plugins start is told as it is, not as a plugin that does not start. */
async function started(
  settings: ProxySettings,
  profile: Profile,
  failure: { readonly startFailure?: HarnessError },
): Promise<EnvoyProxy> {
  let engine: EnvoyProxy;
  try {
    engine = await EnvoyProxy.create(settings, profile);
  } catch (thrown) {
    throw failure.startFailure ?? thrown;
  }
  if (failure.startFailure === undefined) return engine;
  engine.close();
  throw failure.startFailure;
}

/** Plugins that are no filters of the listener. */
async function otherPlugins({ accessLoggers, services, statsSinks, upstreamFilters, upstreams }: ProxyOptions) {
  const all = (given: readonly (ModuleSource | FilterOptions)[] = []): Promise<PluginConfig[]> =>
    Promise.all(given.map((one) => pluginConfig(one)));
  const names = Object.keys(upstreams ?? {});
  const unknown = Object.keys(upstreamFilters ?? {}).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new HarnessError(
      "OPTION_INVALID",
      `Cannot use upstreamFilters of "${unknown}"${didYouMean(unknown, names)}: upstreams are ${names.join(", ") || "none"}`,
    );
  }
  const ofUpstreams = Object.entries(upstreamFilters ?? {}).map(
    async ([name, given]) => [name, await all(given)] as const,
  );
  return {
    accessLoggers: await all(accessLoggers),
    services: await Promise.all((services ?? []).map((one) => pluginConfig(one, true))),
    ...(upstreamFilters && { upstreamFilters: Object.fromEntries(await Promise.all(ofUpstreams)) }),
    ...(statsSinks && {
      statsSinks: { plugins: await sinks(statsSinks.plugins), flushMs: statsSinks.flushMs ?? 5000 },
    }),
  };
}

const sinks = (given: readonly (ModuleSource | FilterOptions)[]): Promise<PluginConfig[]> =>
  Promise.all(given.map(async (one) => ({ ...(await pluginConfig(one)), singleton: true })));

async function pluginConfig(given: ModuleSource | FilterOptions, isService = false): Promise<PluginConfig> {
  const plain = typeof given === "string" || given instanceof URL || given instanceof Uint8Array;
  const options: FilterOptions = plain ? { module: given } : given;
  checkOptions(isService ? "a service" : "a filter", options, isService ? serviceChecks : filterChecks);
  if (options.module === undefined) throw new HarnessError("OPTION_INVALID", "Cannot use a filter: it has no module");
  if (options.failurePolicy !== undefined && options.failOpen !== undefined) {
    throw new HarnessError(
      "OPTION_INVALID",
      "Cannot use failurePolicy and failOpen together: Envoy takes only one of them",
    );
  }
  const { module, coverage, name, rootId, vmId, configuration, vmConfiguration, ...rest } = options;
  return {
    ...(isService && { singleton: true }),
    ...rest,
    ...(!(module instanceof Uint8Array) && { file: nameOf(module) }),
    name: name ?? nameOfSource(module),
    rootId: rootId ?? "",
    vmId: vmId ?? "",
    module: await loadSource(module, coverage),
    configuration: configurationBytes(configuration),
    vmConfiguration: configurationBytes(vmConfiguration),
  };
}

function virtualHostsOf({ upstreams = {}, route, routes, virtualHosts }: ProxyOptions): readonly VirtualHost[] {
  const given = [route, routes, virtualHosts].filter((one) => one !== undefined).length;
  if (given > 1) throw new HarnessError("OPTION_INVALID", "Give one of route, routes and virtualHosts");
  if (virtualHosts !== undefined) return virtualHosts;
  const first = route ?? Object.keys(upstreams)[0];
  const all: readonly Route[] = first === undefined ? [] : [{ match: { prefix: "/" }, cluster: first }];
  return [{ name: "local", domains: ["*"], routes: routes ?? all }];
}
