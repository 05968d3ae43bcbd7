import { HarnessError } from "../errors.js";
import type { LogRecord } from "../host/log-book.js";
import type { Metric } from "../host/services/metrics.js";
import type { TraceEvent } from "../host/trace.js";
import type { PluginCall } from "../harness/calls.js";
import type { Exchange } from "../harness/exchange.js";
import type { Plugin } from "../harness/plugin.js";
import type { Proxy, ProxyCall } from "../harness/proxy.js";
import type { StreamDriver } from "../harness/stream-driver.js";
import { HeaderMap } from "../proxy/header-map.js";

// What a check is made on is told by its shape, not by its class: a test runner may have loaded this package twice.

/** What can be shown of a thing below a failure. */
export interface Background {
  readonly logs?: readonly LogRecord[];
  readonly trace?: readonly TraceEvent[];
}

const has = <K extends string>(value: unknown, ...keys: readonly K[]): value is Record<K, unknown> =>
  typeof value === "object" && value !== null && keys.every((key) => key in value);

export const isDriver = (value: unknown): value is StreamDriver => has(value, "requestHeaders", "upstream", "client");
export const isExchange = (value: unknown): value is Exchange => has(value, "upstreamRequest", "response", "access");
export const isPlugin = (value: unknown): value is Plugin => has(value, "openHttpStream", "snapshot");
export const isProxy = (value: unknown): value is Proxy => has(value, "upstreamRequests", "engine");

/** The headers of a thing that has one list of them. */
export function headersOf(value: unknown): HeaderMap {
  if (isHeaders(value)) return value;
  if (has(value, "headers") && isHeaders(value.headers)) return value.headers;
  if (isExchange(value) || isDriver(value)) {
    const parts = isExchange(value)
      ? "its response or its upstreamRequest"
      : "its request, response, upstream or client";
    throw wrongSubject("check headers", value, `of two messages one must be chosen: give ${parts}`);
  }
  if (has(value, "headers")) throw wrongSubject("check headers", value, "none have come there");
  throw wrongSubject("check headers", value, "a HeaderMap or a message with headers is wanted");
}

const isHeaders = (value: unknown): value is HeaderMap =>
  value instanceof HeaderMap || has(value, "pairs", "first", "getAll");

export function logsOf(value: unknown): readonly LogRecord[] {
  if (has(value, "logs")) return value.logs as readonly LogRecord[];
  throw wrongSubject("check logs", value, "a stream, an exchange, a plugin or a proxy is wanted");
}

export function callsOf(value: unknown): readonly (ProxyCall | PluginCall)[] {
  if (has(value, "calls")) return value.calls as readonly (ProxyCall | PluginCall)[];
  throw wrongSubject("check calls", value, "an exchange, a plugin or a proxy is wanted");
}

export function metricsOf(value: unknown): readonly Metric[] {
  if (has(value, "metrics")) return value.metrics as readonly Metric[];
  throw wrongSubject("check metrics", value, "a plugin or a proxy is wanted");
}

/** What to show below a failure. */
export function backgroundOf(value: unknown): Background {
  return isDriver(value) || isExchange(value) || isPlugin(value) || isProxy(value) ? value : {};
}

export function nameOfSubject(value: unknown): string {
  if (isDriver(value)) return "the stream";
  if (isExchange(value)) return "the exchange";
  if (isPlugin(value)) return "the plugin";
  if (isProxy(value)) return "the proxy";
  if (isHeaders(value) || has(value, "headers")) return "the headers";
  return typeof value === "function" ? "the call" : String(value);
}

export function wrongSubject(what: string, value: unknown, wanted: string): HarnessError {
  const kind = value === null ? "null" : has(value) ? nameOfSubject(value) : typeof value;
  return new HarnessError("OPTION_INVALID", `Cannot ${what} of ${kind}: ${wanted}`);
}
