import type { FilterOptions, ProxyOptions } from "../harness/proxy-options.js";
import { placeless } from "./shape.js";
import type { PluginFields, SetupFields } from "./file-shape.js";
import type { ScenarioUpstream } from "./types.js";

/** Defaults and what is more special: that wins, key by key; upstreams, properties and environment name by name. */
export function merged(base: Setup, more: Setup): Setup {
  const below: Record<string, unknown> = { ...base };
  // what is said in one of two ways replaces what was said in the other
  const drop = (...keys: string[]): void => keys.forEach((key) => delete below[key]);
  if (more.plugin ?? more.plugins) drop("plugin", "plugins", "configuration");
  if (more.route ?? more.routes) drop("route", "routes");
  const given = Object.entries(more).filter(([, value]) => value !== undefined);
  const upstreams = [...(base.upstreams ?? []), ...(more.upstreams ?? [])];
  return {
    ...below,
    ...Object.fromEntries(given),
    ...(upstreams.length > 0 && { upstreams: [...new Map(upstreams.map((one) => [one.key, one])).values()] }),
    ...(base.properties && more.properties && { properties: { ...base.properties, ...more.properties } }),
    ...(base.environment && more.environment && { environment: { ...base.environment, ...more.environment } }),
    ...(base.tags && more.tags && { tags: [...new Set([...base.tags, ...more.tags])] }),
  };
}

/** What cases and defaults say about the proxy. */
export type Setup = Omit<SetupFields, "where">;

/** The filters of a setup. */
export function filtersOf({ plugin, plugins, configuration, environment }: Setup): FilterOptions[] {
  const chain = plugins ?? (plugin ? [plugin] : []);
  return chain.map((one) => filterOf(one, chain.length === 1 ? configuration : undefined, environment));
}

function filterOf(
  { reload, environment: own, ...rest }: PluginFields,
  configuration: Uint8Array | undefined,
  environment: Readonly<Record<string, string>> | undefined,
): FilterOptions {
  return {
    ...rest,
    ...(configuration && { configuration }),
    ...((own ?? environment) && { environment: { ...environment, ...own } }),
    ...(reload !== undefined && { reloadMs: reload }),
  };
}

/** The options of a proxy that do not differ between the plugins. */
export function proxyOptions(setup: Setup): Omit<ProxyOptions, "filters" | "upstreams"> {
  const { route, routes, listener, properties, logLevel, onUnknownUpstream, onFailure, strict } = setup;
  const { seed, startTime, budget, envoy } = setup;
  const { streamIdleTimeout, ...listenerRest } = listener ? placeless(listener) : {};
  return {
    ...(envoy !== undefined && { envoy }),
    ...(route !== undefined && { route }),
    ...(routes && { routes: routes.map(routeOf) }),
    ...(listener && {
      listener: {
        ...listenerRest,
        ...(streamIdleTimeout !== undefined && { streamIdleTimeoutMs: streamIdleTimeout }),
      },
    }),
    ...(properties && { properties }),
    ...(logLevel && { logLevel }),
    ...(onUnknownUpstream && { onUnknownUpstream }),
    ...(onFailure && { onFailure }),
    ...(strict !== undefined && { strict }),
    ...(seed !== undefined && { seed }),
    ...(startTime && { startTime }),
    ...(budget !== undefined && { budgetMs: budget }),
  };
}

function routeOf(given: NonNullable<Setup["routes"]>[number]): NonNullable<ProxyOptions["routes"]>[number] {
  const { match, timeout, directResponse, ...rest } = placeless(given);
  return {
    ...rest,
    match: placeless(match),
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(directResponse && {
      directResponse: placeless(directResponse),
    }),
  };
}

export function upstreamsOf({ upstreams = [] }: Setup): ScenarioUpstream[] {
  return upstreams.map(({ key, value, where }) => ({ ...value, name: key, where }));
}
