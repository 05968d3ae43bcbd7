import type { LogLevel, LogLevelName } from "../abi/enums.js";
import type { ForeignFunction } from "../host/foreign-function.js";
import type { HostFunctions } from "../host/host-function.js";
import type { UnknownImports } from "../host/linker.js";
import type { DnsTable } from "../host/services/dns.js";
import type { StreamProperties } from "../proxy/envoy/attribute-kinds.js";
import type { FilterMetadata, NodeSettings } from "../proxy/envoy/config-messages.js";
import type { FailurePolicy, ListenerSettings, Route, VirtualHost } from "../proxy/envoy/settings.js";
import type { ModuleSource } from "./source.js";
import type { TcpUpstream } from "./tcp-client.js";
import type { Coverage } from "../vm/coverage.js";
import type { UnknownUpstream, Upstream, UpstreamOptions } from "./upstreams.js";

/** A plugin in a filter chain. */
export interface FilterOptions {
  readonly module: ModuleSource;
  /** Is told which of the module's code runs; `Coverage` is in `proxy-wasm-harness/fuzz`. Default: nobody, at no cost. */
  readonly coverage?: Coverage;
  /** Default: the file's name without `.wasm`. */
  readonly name?: string;
  /** Default "". */
  readonly rootId?: string;
  /** Default "". Plugins with the same id, module and VM configuration share a VM, as in Envoy. */
  readonly vmId?: string;
  /** Text (UTF-8), bytes, or an object that becomes JSON. Default: none. */
  readonly configuration?: string | Uint8Array | object;
  readonly vmConfiguration?: string | Uint8Array | object;
  readonly environment?: Readonly<Record<string, string>>;
  /** Default FAIL_CLOSED. */
  readonly failurePolicy?: FailurePolicy;
  /** The old `fail_open: true`. Not together with `failurePolicy`. */
  readonly failOpen?: boolean;
  /** FAIL_RELOAD: first interval of the back-off. Default 1000. */
  readonly reloadMs?: number;
  readonly allowOnHeadersStopIteration?: boolean;
  readonly capabilities?: readonly string[];
  readonly unknownImports?: UnknownImports;
  readonly hostFunctions?: HostFunctions;
}

/** A plugin of its own, without streams. */
export interface ServiceOptions extends FilterOptions {
  /** On the main thread only. Default true. */
  readonly singleton?: boolean;
}

export interface ProxyOptions {
  /** The HTTP filter chain, in Envoy's order: the first meets requests first and responses last. */
  readonly filters: readonly (ModuleSource | FilterOptions)[];
  /**
   * A TCP proxy instead of an HTTP one: `filters` are network filters, and what passes them goes to this upstream. Clients
   * connect with `proxy.connect()`.
   */
  readonly tcp?: TcpUpstream | "refused";
  /** Plugins that log access, on their root context. */
  readonly accessLoggers?: readonly (ModuleSource | FilterOptions)[];
  /** Plugins that run by themselves (`envoy.bootstrap.wasm`): once, on the main thread, or, with `singleton: false`, on each worker. */
  readonly services?: readonly (ModuleSource | ServiceOptions)[];
  /** Plugins that get the statistics in `envoy_on_stats_update`, every so many milliseconds (default 5000). */
  readonly statsSinks?: { readonly plugins: readonly (ModuleSource | FilterOptions)[]; readonly flushMs?: number };
  /** Filters of upstreams, by the upstream's name: requests meet them behind the router. */
  readonly upstreamFilters?: Readonly<Record<string, readonly (ModuleSource | FilterOptions)[]>>;
  /** Upstreams by name: where routes and calls of plugins go. */
  readonly upstreams?: Readonly<Record<string, Upstream | UpstreamOptions>>;
  /** Upstream of every request. Default: the first of `upstreams`. Not together with `routes`. */
  readonly route?: string;
  /** Routes in order; the first that fits is taken, none that fits is a 404. */
  readonly routes?: readonly Route[];
  /** Routes by authority. Not together with `routes`. */
  readonly virtualHosts?: readonly VirtualHost[];
  /** Default "error". */
  readonly onUnknownUpstream?: UnknownUpstream;
  /** Buffer limit, idle timeout and whatever else the listener says. */
  readonly listener?: Partial<ListenerSettings>;
  /**
   * Properties, by path with dots: they win over those that the exchange has.
   *
   * A path that Envoy would not look up is refused (OPTION_INVALID), and so is one that nearly is an attribute; a name that is
   * far from all of them is one that plugins set with proxy_set_property.
   */
  readonly properties?: StreamProperties;
  /** Property `metadata`: what filters before these left, by filter name and key. */
  readonly dynamicMetadata?: FilterMetadata;
  /** Property `xds.node`. Default: nobody in particular. */
  readonly node?: NodeSettings;
  /** Default "info". */
  readonly logLevel?: LogLevelName | LogLevel;
  readonly foreignFunctions?: Readonly<Record<string, ForeignFunction>>;
  /** What `env.envoy_resolve_dns` finds, as for `loadPlugin`. */
  readonly resolveDns?: DnsTable;
  /**
   * What a trap does: "throw" fails the exchange that met it; "policy" gives the client what Envoy's failure policy says.
   * Default "throw", and "policy" where a filter has a `failurePolicy` or `failOpen`.
   */
  readonly onFailure?: "throw" | "policy";
  /** Diagnostics fail the exchange. Default false; those that would crash Envoy always do. */
  readonly strict?: boolean;
  /**
   * The release of Envoy to be: `1.40`, `1.36.4`, or `istio-1.11` for the Envoy of an Istio. Default: the newest recorded. What
   * differs was recorded on 1.36.4 and from 1.38 to 1.40; `proxy.envoy` tells whether it was.
   */
  readonly envoy?: string;
  /** Worker threads, each with VMs of its own, and the main thread's. Default 0: one VM, no main thread. */
  readonly workers?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Wall time at the start. Default 2023-11-14T22:13:20Z. */
  readonly startTime?: Date;
  readonly realClock?: boolean;
  /**
   * A seed: what falls due at the same moment (ticks, time-outs, answers) runs in another order, the same for the same number. A
   * plugin that works in one order alone is found by a few of them. Default: in the order in which it was asked for.
   */
  readonly order?: number;
  /** Milliseconds that one entry into a guest may take; 0: no limit. Default 1000. */
  readonly budgetMs?: number;
  /** Keep every callback and hostcall. Default false. */
  readonly trace?: boolean;
}
