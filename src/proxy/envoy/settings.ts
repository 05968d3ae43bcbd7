import type { ByteString } from "../../abi/bytes.js";
import type { LogLevel } from "../../abi/enums.js";
import type { Pair } from "../../abi/pairs.js";
import type { ForeignFunction } from "../../host/foreign-function.js";
import type { HostFunctions } from "../../host/host-function.js";
import type { UnknownImports } from "../../host/linker.js";
import type { ResolveDns } from "../../host/services/dns.js";
import type { LoadedModule } from "../../vm/loaded-module.js";
import type { NodeSettings } from "./config-messages.js";
import type { Cluster } from "./peers.js";
import type { Property } from "./property-value.js";

export type FailurePolicy = "FAIL_CLOSED" | "FAIL_OPEN" | "FAIL_RELOAD";

/** A plugin as its configuration describes it, with its module at hand. */
export interface PluginConfig {
  readonly name: string;
  readonly rootId: string;
  readonly vmId: string;
  readonly module: LoadedModule;
  /** Where it was read from: errors about it begin so. */
  readonly file?: string;
  readonly configuration: Uint8Array;
  readonly vmConfiguration: Uint8Array;
  /** Default V8. An empty name means it too; another is refused, as by an Envoy that was built without it. */
  readonly runtime?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Variables taken from the proxy's own environment; undefined for one that is not there. None may be in `environment`, too. */
  readonly hostEnvironment?: Readonly<Record<string, string | undefined>>;
  /** Of a service or sink: it runs on the main thread only. */
  readonly singleton?: boolean;
  /** Default FAIL_CLOSED. */
  readonly failurePolicy?: FailurePolicy;
  /** The old `fail_open: true`. */
  readonly failOpen?: boolean;
  /** First interval of the back-off of FAIL_RELOAD, in milliseconds. Default 1000. */
  readonly reloadMs?: number;
  readonly allowOnHeadersStopIteration?: boolean;
  readonly capabilities?: readonly string[];
  /**
   * The module comes from a remote source: a failure to load does not refuse the configuration, the failure policy decides.
   * `missing`: the fetch itself failed.
   */
  readonly remote?: "fetched" | "missing";
  readonly unknownImports?: UnknownImports;
  readonly hostFunctions?: HostFunctions;
}

/** Which requests a route is for. Of path conditions there is one. */
export interface RouteMatch {
  readonly prefix?: string;
  readonly path?: string;
  readonly regex?: RegExp;
  /** All must hold. */
  readonly headers?: readonly {
    readonly name: string;
    readonly exact?: string;
    readonly present?: boolean;
    readonly invert?: boolean;
  }[];
}

export interface Route {
  readonly name?: string;
  readonly match: RouteMatch;
  /** Where to: a cluster's name, or the header that has it. */
  readonly cluster?: string;
  readonly clusterHeader?: string;
  readonly directResponse?: { readonly status: number; readonly body?: string };
  /** Milliseconds from the complete request to the complete response; 0: none. Default 15,000. */
  readonly timeoutMs?: number;
  readonly prefixRewrite?: string;
  readonly requestHeadersToAdd?: readonly Pair[];
  readonly responseHeadersToAdd?: readonly Pair[];
  readonly retry?: { readonly on: string; readonly retries: number };
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface VirtualHost {
  readonly name: string;
  /** Authorities, `*` for all, `*.suffix` and `prefix.*`. */
  readonly domains: readonly string[];
  readonly routes: readonly Route[];
  readonly responseHeadersToAdd?: readonly Pair[];
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** What the reply of a filter or of the proxy is changed to before the filters see it: `local_reply_config`. */
export interface LocalReplyMapper {
  readonly status: number;
  readonly newStatus?: number;
  readonly headersToAdd?: readonly Pair[];
  readonly body?: string;
}

/** The HTTP connection manager and its listener. */
export interface ListenerSettings {
  readonly address: string;
  /** Bytes; Infinity is not possible in Envoy. Default 1 MiB. */
  readonly bufferLimit: number;
  /** Milliseconds without traffic; 0: none. Default 300,000. */
  readonly streamIdleTimeoutMs: number;
  /** HTTP/1 trailers of requests are passed on. Default false. */
  readonly enableTrailers: boolean;
  /** METADATA frames of HTTP/2 are passed on. Default false. */
  readonly allowMetadata?: boolean;
  readonly useRemoteAddress: boolean;
  /** The host's own address, which `useRemoteAddress` appends for a loopback client. */
  readonly localAddress: string;
  readonly acceptHttp10: boolean;
  readonly upgrades: readonly string[];
  readonly localReplyMappers: readonly LocalReplyMapper[];
  readonly direction: 0 | 1 | 2;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly maxHeaders: number;
  /** Default "". */
  readonly filterChainName?: string;
}

/** Everything a proxy is made of. */
export interface ProxySettings {
  readonly plugins: readonly PluginConfig[];
  readonly accessLoggers: readonly PluginConfig[];
  readonly services: readonly PluginConfig[];
  /** Filters of clusters, by the cluster's name. */
  readonly upstreamFilters?: Readonly<Record<string, readonly PluginConfig[]>>;
  /** Plugins that get the statistics every so many milliseconds. */
  readonly statsSinks?: { readonly plugins: readonly PluginConfig[]; readonly flushMs: number };
  readonly virtualHosts: readonly VirtualHost[];
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly listener: ListenerSettings;
  /** Properties that are given, by path with dots: they win over what is computed. */
  readonly properties: Readonly<Record<string, Property>>;
  /** What filters before the plugins left, by filter name. */
  readonly dynamicMetadata: Readonly<Record<string, unknown>>;
  /** Who this Envoy is. Default: nobody in particular. */
  readonly node?: NodeSettings;
  readonly logLevel: LogLevel;
  /** Log every call across the border with raw arguments, as Envoy does at level trace. Default false. */
  readonly logsCrossings?: boolean;
  /** Default: only addresses are found. */
  readonly resolveDns?: ResolveDns;
  /** Beside those that Envoy has itself, and before them. */
  readonly foreignFunctions: Readonly<Record<string, ForeignFunction>>;
  /** VMs as a real Envoy has them: canary, main thread and this many workers. 0: a single VM, no main thread. */
  readonly workers: number;
  readonly seed: number;
  readonly startNs?: bigint;
  readonly realClock?: boolean;
  /** Seed of the order of what falls due together; undefined: as it was asked for. */
  readonly order?: number;
  readonly budgetMs: number;
  /** Keep every callback and hostcall. */
  readonly trace: boolean;
}

/** One line of the access log. */
export interface AccessEntry {
  /** 0: none was sent. */
  readonly code: number;
  readonly details: ByteString | undefined;
  /** Response flags, as Envoy abbreviates them: `UF,URX`; `-` for none. */
  readonly flags: string;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly protocol: string | undefined;
  readonly method: ByteString | undefined;
  readonly path: ByteString | undefined;
  readonly cluster: string | undefined;
  readonly route: string | undefined;
  readonly grpcStatus: string | undefined;
  readonly filterState: ReadonlyMap<string, Uint8Array>;
}
