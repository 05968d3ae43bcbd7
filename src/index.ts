import type { Plugin, PluginOptions } from "./harness/plugin.js";
import type { Inspection } from "./harness/inspect.js";
import type { RunReport } from "./harness/run-report.js";
import type { RunOptions } from "./harness/run.js";
import type { ProxyOptions } from "./harness/proxy-options.js";
import type { Proxy } from "./harness/proxy.js";
import type { ModuleSource } from "./harness/source.js";

export { HarnessError } from "./errors.js";
export type { HarnessErrorCode } from "./errors.js";
export { Action, BufferType, LogLevel, MapType, MetricType, Status, StreamType } from "./abi/enums.js";
export type { LogLevelName } from "./abi/enums.js";
export { hostFunction, kinds } from "./host/host-function.js";
export type { HostFunction, HostFunctionCall, HostFunctions } from "./host/host-function.js";
export type { DnsAddress, DnsTable } from "./host/services/dns.js";
export type { StatsUpdate } from "./host/services/stats-update.js";
export { limits } from "./abi/limits.js";
export type { Diagnostic } from "./host/diagnostics.js";
export type { Plugin, PluginOptions, PluginSnapshot } from "./harness/plugin.js";
export type { MessageView, Part, Passed, StreamDriver, StreamDriverOptions } from "./harness/stream-driver.js";
export type { TcpClient, TcpUpstream } from "./harness/tcp-client.js";
export type { TcpConnection } from "./proxy/tcp-socket.js";
export type { PassedBytes, TcpStreamDriver } from "./harness/tcp-driver.js";
export type { CallReply, CallState, PluginCall, PluginHttpCall } from "./harness/calls.js";
export type { GrpcEnd, GrpcReply, GrpcStreamReply, PluginGrpcCall, PluginGrpcStream } from "./harness/grpc-calls.js";
export { headers } from "./harness/headers.js";
export type { HeadersInput, HeaderValue } from "./harness/headers.js";
export { noReply, reply } from "./harness/upstreams.js";
export { grpcReply, grpcUpstream, once, sequence, times } from "./harness/mocks.js";
export type { Script, UnusedReplies } from "./harness/mocks.js";
export { mockAgentUpstream, realUpstream } from "./harness/real-upstream.js";
export type { MockAgentLike, RealUpstreamOptions } from "./harness/real-upstream.js";
export type { Reply, UnknownUpstream, Upstream, UpstreamOptions, UpstreamRequestView } from "./harness/upstreams.js";
export type { ClientResponse, Exchange, PendingExchange, ProxyRequest, SendOptions } from "./harness/exchange.js";
export type { FilterOptions, ProxyOptions, ServiceOptions } from "./harness/proxy-options.js";
export type { Proxy, ProxyCall, ProxySnapshot } from "./harness/proxy.js";
export type { AccessEntry, FailurePolicy, ListenerSettings, Route, VirtualHost } from "./proxy/envoy/settings.js";
export type { ActionReport, MessageReport, Outcome, RunReport } from "./harness/run-report.js";
export type { ExchangeInput, RunOptions } from "./harness/run.js";
export type { Inspection } from "./harness/inspect.js";
export type { ModuleSource } from "./harness/source.js";
export { HeaderMap } from "./proxy/header-map.js";
export type { Property } from "./proxy/envoy/property-value.js";
export type { StreamProperties } from "./proxy/envoy/attribute-kinds.js";
export type { FilterMetadata, Locality, NodeSettings } from "./proxy/envoy/config-messages.js";
export type { StreamFacts } from "./proxy/envoy/stream-info.js";
export type { LogRecord, LogSource } from "./host/log-book.js";
export { formatEvent } from "./host/trace.js";
export type { TraceEvent } from "./host/trace.js";
export type { Metric } from "./host/services/metrics.js";
export type { ForeignAnswer, ForeignFunction } from "./host/foreign-function.js";

// What is heavy is loaded when it is first called: importing this package takes a few milliseconds.

/**
 * Loads a module, starts its VM and configures a plugin in it.
 *
 * @param source Path or file URL of a `.wasm`, or its bytes. The same bytes are compiled once a process.
 * @throws {HarnessError} FILE_UNREADABLE; what is wrong with the module (NOT_WASM … IMPORT_MISSING); GUEST_TRAPPED;
 *   VM_START_REFUSED; CONFIGURE_REFUSED; OPTION_INVALID.
 */
export async function loadPlugin(source: ModuleSource, options?: PluginOptions): Promise<Plugin> {
  return (await import("./harness/plugin.js")).loadPlugin(source, options);
}

/**
 * Loads a plugin and sends one request and one response through it: what `pwh run` does.
 *
 * A failure of the plugin during the exchange does not throw; it is in the report.
 * @throws {HarnessError} As `loadPlugin`.
 */
export async function run(source: ModuleSource, options?: RunOptions): Promise<RunReport> {
  return (await import("./harness/run.js")).run(source, options);
}

/**
 * Looks into a module without running it: what `pwh inspect` does.
 *
 * @throws {HarnessError} FILE_UNREADABLE, NOT_WASM, WASM_TRUNCATED, WASM_INVALID, WASM_COMPONENT
 */
export async function inspect(source: ModuleSource): Promise<Inspection> {
  return (await import("./harness/inspect.js")).inspect(source);
}

/**
 * Starts a proxy: filters, routes and upstreams, as one Envoy has them. `proxy.send()` makes whole exchanges.
 *
 * @throws {HarnessError} As `loadPlugin`, for a plugin that Envoy would not start with; OPTION_INVALID.
 */
export async function createProxy(options: ProxyOptions): Promise<Proxy> {
  return (await import("./harness/create-proxy.js")).createProxy(options);
}
