import type { ByteString } from "../abi/bytes.js";
import { byteString, isByteString, noBytes, utf8 } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { HarnessError } from "../errors.js";
import type { Diagnostic } from "../host/diagnostics.js";
import type { LogRecord } from "../host/log-book.js";
import type { Metric } from "../host/services/metrics.js";
import type { TraceEvent } from "../host/trace.js";
import type { CallState, PluginCall } from "./calls.js";
import type { HeadersInput } from "./headers.js";
import { pairsOf } from "./headers.js";
import type { Plugin, PluginOptions } from "./plugin.js";
import { loadPlugin } from "./plugin.js";
import type { ModuleSource } from "./source.js";
import type { Passed, StreamDriver } from "./stream-driver.js";

/** One request and its response. */
export interface ExchangeInput {
  /** Default GET, or POST with a body. */
  readonly method?: string;
  /** Default "/". */
  readonly path?: string;
  /** Default "example.com". */
  readonly authority?: string;
  /** Default "http". */
  readonly scheme?: string;
  /** Besides the pseudo headers; order and repeats kept. Names that begin with a colon replace the above. */
  readonly headers?: HeadersInput;
  readonly body?: Uint8Array;
  readonly trailers?: HeadersInput;
  readonly response?: {
    /** Default 200. */
    readonly status?: number;
    readonly headers?: HeadersInput;
    readonly body?: Uint8Array;
    readonly trailers?: HeadersInput;
  };
}

export interface RunOptions extends PluginOptions {
  readonly exchange?: ExchangeInput;
  /** Exchanges made one after the other on the same plugin; the report shows the last. Default 1. */
  readonly repeat?: number;
}

/** What a stream callback answered; failed: the guest trapped or was stopped in it. */
export interface ActionReport {
  readonly callback: string;
  readonly action: "continue" | "pause" | "failed";
}

export interface MessageReport {
  readonly headers: readonly Pair[];
  readonly body: Uint8Array;
  readonly trailers: readonly Pair[];
  /** False: the plugin held a part back, or the message was cut off. */
  readonly complete: boolean;
}

/** A call that the plugin made. Nobody answers calls here: one that is pending waited until the plugin was closed. */
export interface CallReport {
  readonly kind: PluginCall["kind"];
  readonly upstream: ByteString;
  readonly state: CallState;
  /** Of gRPC, the metadata. */
  readonly headers: readonly Pair[];
  /** Of a unary gRPC call, its message; of a stream, nothing: see `sent`. */
  readonly body: Uint8Array;
  /** 0: none. */
  readonly timeoutMs: number;
  /** gRPC. */
  readonly service?: ByteString;
  readonly method?: ByteString;
  /** Messages sent on a gRPC stream. */
  readonly sent?: readonly Uint8Array[];
}

/** How the exchange ended. */
export type Outcome = "forwarded" | "local response" | "paused" | "reset" | "failed";

/** What `run` saw. */
export interface RunReport {
  readonly plugin: Plugin;
  readonly outcome: Outcome;
  /** As it came to the plugin. */
  readonly request: MessageReport;
  /** As it left for the upstream; undefined when nothing did. */
  readonly upstream: MessageReport | undefined;
  /** As the upstream sent it; undefined when the request did not get there whole. */
  readonly response: MessageReport | undefined;
  /** As it left for the client; undefined when nothing did. */
  readonly client: MessageReport | undefined;
  readonly responseCodeDetails: string | undefined;
  readonly actions: readonly ActionReport[];
  /** All lines since the module was loaded; with `repeat`, those of the last exchange and what frames it. */
  readonly logs: readonly LogRecord[];
  /** Lines that are not in `logs`, since there were more than `limits.logRecords` or `limits.logBytes`. */
  readonly logsDropped: number;
  readonly calls: readonly CallReport[];
  readonly metrics: readonly Metric[];
  readonly diagnostics: readonly Diagnostic[];
  readonly failure: HarnessError | undefined;
  /** A trap while the plugin was ended, after the exchange: Envoy prints it at shutdown, and no request is hurt. */
  readonly endFailure: HarnessError | undefined;
  readonly trace: readonly TraceEvent[];
  readonly timing: Timing;
}

export interface Timing {
  /** Reading, compiling and starting, in milliseconds. */
  readonly startMs: number;
  /** Each exchange, in microseconds: with the first come tier-up and caches. */
  readonly exchangesUs: readonly number[];
}

/**
 * Loads a plugin and sends one request and one response through it.
 *
 * A failure of the plugin during the exchange does not throw: it is in the report, with what Envoy's FAIL_CLOSED makes of it.
 * @throws {HarnessError} As `loadPlugin`.
 */
export async function run(source: ModuleSource, options: RunOptions = {}): Promise<RunReport> {
  const began = performance.now();
  const plugin = await loadPlugin(source, { ...options, onFailure: "policy" });
  const startMs = performance.now() - began;
  const exchange = options.exchange ?? {};
  const repeat = options.repeat ?? 1;
  const exchangesUs: number[] = [];
  const startLogs = plugin.logs.slice();
  const startTrace = plugin.trace.slice();
  let last: Exchanged | undefined;
  const once = (i: number): void => {
    // the report is of the last exchange: what the others left would only pile up
    if (i > 0) {
      plugin.clearLogs();
      plugin.vm.trace.clear();
      plugin.home.callouts.calls.length = 0;
      plugin.home.diagnostics.length = 0;
    }
    const start = performance.now();
    last = exchangeOnce(plugin, exchange);
    exchangesUs.push((performance.now() - start) * 1000);
  };
  if (repeat === 1) once(0); // each callback has its own budget, and a stopped one shows in the report
  // An exchange by itself first: one that takes milliseconds has a budget of its own, quick ones share one.
  const slow = (): boolean => (exchangesUs.at(-1) ?? Infinity) > 2000;
  for (let i = exchangesUs.length; i < repeat && !plugin.vm.failed; i = exchangesUs.length) {
    const end = Math.min(repeat, slow() ? i + 1 : i + batchSize);
    plugin.batch(() => {
      for (let j = i; j < end && !plugin.vm.failed; j++) once(j);
    });
  }
  const logs = exchangesUs.length > 1 ? [...startLogs, ...plugin.logs] : plugin.logs.slice();
  const { log } = plugin.vm.process;
  const before = log.next;
  const failure = plugin.failure;
  const calls = plugin.calls.map(callReport); // closing cancels those that wait, which is not the plugin's doing
  plugin.close();
  logs.push(...log.since(before));
  const { stream, request, response, actions } = last!;
  return {
    plugin,
    outcome: failure === undefined ? outcomeOf(stream) : "failed",
    request,
    upstream: passed(stream.upstream),
    response,
    client: passed(stream.client),
    responseCodeDetails: stream.responseCodeDetails,
    actions,
    logs,
    logsDropped: log.dropped,
    calls: [...calls, ...plugin.calls.slice(calls.length).map(callReport)],
    metrics: plugin.metrics,
    diagnostics: plugin.diagnostics,
    failure,
    endFailure: failure === undefined ? plugin.failure : undefined,
    trace: exchangesUs.length > 1 ? [...startTrace, ...plugin.trace] : plugin.trace,
    timing: { startMs, exchangesUs },
  };
}

/** Exchanges under one budget of time: starting the watchdog costs more than an exchange. */
const batchSize = 50;

interface Exchanged {
  readonly stream: StreamDriver;
  readonly request: MessageReport;
  readonly response: MessageReport | undefined;
  readonly actions: readonly ActionReport[];
}

function exchangeOnce(plugin: Plugin, input: ExchangeInput): Exchanged {
  const stream = plugin.openHttpStream();
  const actions: ActionReport[] = [];
  stream.onAnswer = (callback, answer) => {
    actions.push({ callback, action: answer === undefined ? "failed" : answer === 0 ? "continue" : "pause" });
  };
  const request = requestOf(input);
  const method = request.headers.find(([name]) => name === ":method")?.[1];
  const requestBodyEnds = request.trailers.length === 0;
  stream.requestHeaders(request.headers, { endOfStream: request.body.length === 0 && requestBodyEnds });
  if (request.body.length > 0 && !stream.finished) {
    stream.requestBody(request.body);
    if (requestBodyEnds && !stream.finished) {
      // HTTP/1 tells the end of a body by an empty part of its own
      stream.requestBody("", { endOfStream: true });
    }
  }
  if (!requestBodyEnds && !stream.finished) {
    stream.requestTrailers(request.trailers);
  }
  let response: MessageReport | undefined;
  if (stream.upstream.complete && !stream.finished && stream.client.headers === undefined) {
    response = responseOf(input, method);
    const bodyEnds = response.trailers.length === 0;
    stream.responseHeaders(response.headers, { endOfStream: response.body.length === 0 && bodyEnds });
    if (response.body.length > 0 && !stream.finished) {
      stream.responseBody(response.body);
      if (bodyEnds && !stream.finished) {
        stream.responseBody("", { endOfStream: true });
      }
    }
    if (!bodyEnds && !stream.finished) {
      stream.responseTrailers(response.trailers);
    }
  }
  if (!stream.finished) tellOfPause(plugin, stream, actions);
  stream.close();
  return { stream, request, response, actions };
}

/** Everything was sent, and the stream is not over. */
function tellOfPause(plugin: Plugin, stream: StreamDriver, actions: readonly ActionReport[]): void {
  const which = stream.upstream.complete ? "response" : "request";
  const pause = actions.findLast(({ action }) => action === "pause");
  const waiting = plugin.calls.filter(({ state }) => state === "pending").map(({ upstream }) => `"${upstream}"`);
  const calls = waiting.length === 1 ? "a call waits" : `${waiting.length} calls wait`;
  plugin.vm.process.onDiagnostic(
    "PAUSED_FOR_GOOD",
    `The ${which} is held${pause ? `: ${pause.callback} paused it` : ""}, and nothing resumed it` +
      (waiting.length === 0 ? "" : `; ${calls} for an answer that nobody gives: ${waiting.join(", ")}`),
  );
}

function callReport(call: PluginCall): CallReport {
  const { kind, upstream, state } = call;
  if (call.kind === "http") {
    return { kind, upstream, state, headers: call.headers.pairs(), body: call.body, timeoutMs: call.timeoutMs };
  }
  const { service, method } = call;
  const both = { kind, upstream, state, headers: call.metadata.pairs(), service, method };
  return call.kind === "grpc"
    ? { ...both, body: call.message, timeoutMs: call.timeoutMs }
    : { ...both, body: noBytes, timeoutMs: 0, sent: call.sent.slice() };
}

/** Headers as Envoy shows those of an HTTP/1 request: pseudo headers, the client's own, then what Envoy adds. */
function requestOf(input: ExchangeInput): MessageReport {
  const body = input.body ?? new Uint8Array(0);
  const trailers = pairsOf(input.trailers ?? []);
  const given = pairsOf(input.headers ?? []);
  const own = new Map(given.filter(([name]) => name.startsWith(":")));
  const rest = given.filter(([name]) => !name.startsWith(":"));
  const has = (name: string): boolean => rest.some(([one]) => one === name);
  const headers: Pair[] = [
    [":authority", own.get(":authority") ?? text("authority", input.authority ?? "example.com")],
    [":path", own.get(":path") ?? text("path", input.path ?? "/")],
    [":method", own.get(":method") ?? text("method", input.method ?? (body.length > 0 ? "POST" : "GET"))],
    [":scheme", own.get(":scheme") ?? text("scheme", input.scheme ?? "http")],
    ...rest,
  ];
  if (body.length > 0 && trailers.length === 0 && !has("content-length") && !has("transfer-encoding")) {
    headers.push(["content-length", String(body.length)]);
  }
  if (!has("x-forwarded-proto")) headers.push(["x-forwarded-proto", input.scheme ?? "http"]);
  if (!has("x-request-id")) headers.push(["x-request-id", "00000000-0000-4000-8000-000000000001"]);
  return { headers, body, trailers, complete: true };
}

function responseOf(input: ExchangeInput, method: string | undefined): MessageReport {
  const { status = 200, ...given } = input.response ?? {};
  const bodiless = method === "HEAD" || status === 204 || status === 304;
  if (bodiless && (given.body?.length ?? 0) > 0) {
    throw new HarnessError("OPTION_INVALID", `Cannot send a response body: an answer ${status} to ${method} has none`);
  }
  const body = bodiless ? noBytes : (given.body ?? utf8("hello"));
  const trailers = pairsOf(given.trailers ?? []);
  const own = pairsOf(given.headers ?? []).filter(([name]) => name !== ":status");
  const headers: Pair[] = [[":status", String(status)], ...own];
  const has = (name: string): boolean => own.some(([one]) => one === name);
  if (body.length > 0 && trailers.length === 0 && !has("content-length")) {
    headers.push(["content-length", String(body.length)]);
  }
  if (body.length > 0 && !has("content-type")) headers.push(["content-type", "text/plain"]);
  return { headers, body, trailers, complete: true };
}

/** An option as a header value: bytes as they are, wider characters as UTF-8. */
function text(what: string, value: string): string {
  if (/[\r\n\0]/.test(value))
    throw new HarnessError("OPTION_INVALID", `Cannot use ${what} ${JSON.stringify(value)}: no header can hold it`);
  return isByteString(value) ? value : byteString(utf8(value));
}

function passed(message: Passed): MessageReport | undefined {
  if (message.headers === undefined) return undefined;
  return {
    headers: message.headers.pairs(),
    body: message.body,
    trailers: message.trailers?.pairs() ?? [],
    complete: message.complete,
  };
}

function outcomeOf(stream: StreamDriver): Outcome {
  if (stream.client.headers !== undefined && stream.client.complete) {
    return stream.upstream.complete && stream.responseCodeDetails === "via_upstream" ? "forwarded" : "local response";
  }
  return stream.cutOff ? "reset" : "paused";
}
