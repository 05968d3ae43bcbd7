import { byteString, isByteString, noBytes, utf8 } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { HarnessError } from "../errors.js";
import type { PluginCall } from "./calls.js";
import { Connection } from "../proxy/envoy/connection.js";
import type { AccessEntry } from "../proxy/envoy/settings.js";
import { HeaderMap } from "../proxy/header-map.js";
import { tellOfMessages } from "./diagnostics.js";
import { ClientResponse, ResponseCollector } from "./exchange.js";
import type { HeadersInput } from "./headers.js";
import { headers, pairsOf } from "./headers.js";
import { PluginListener } from "./plugin-listener.js";
import type { Plugin, PluginOptions } from "./plugin.js";
import { loadPlugin } from "./plugin.js";
import type { ModuleSource } from "./source.js";
import type { Reply, UpstreamRequestView } from "./upstreams.js";
import { clusterOf } from "./upstreams.js";
import type { ActionReport, MessageReport, CallReport, Outcome, RunReport } from "./run-report.js";

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
  /** The old `fail_open: true`: the callback that fails counts as one that lets the stream go on. Default false: 503. */
  readonly failOpen?: boolean;
  readonly exchange?: ExchangeInput;
  /** Exchanges made one after the other on the same plugin; the report shows the last. Default 1. */
  readonly repeat?: number;
}

/**
 * Loads a plugin and sends one request and one response through it.
 *
 * A failure of the plugin during the exchange does not throw: it is in the report, with what Envoy's FAIL_CLOSED makes of it.
 * @throws {HarnessError} As `loadPlugin`.
 */
export async function run(source: ModuleSource, options: RunOptions = {}): Promise<RunReport> {
  const began = performance.now();
  const { exchange = {}, repeat: _, failOpen: _open, ...ofPlugin } = options;
  const plugin = await loadPlugin(source, { ...ofPlugin, onFailure: "policy" });
  const startMs = performance.now() - began;
  const setting = settingOf(plugin, options);
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
    last = exchangeOnce(plugin, setting, exchange);
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
  const { outcome, ...seen } = last!;
  const { release, recorded } = setting.listener.profile;
  return {
    plugin,
    envoy: { release, recorded },
    outcome: failure === undefined ? outcome : "failed",
    ...seen,
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
  readonly outcome: Outcome;
  readonly request: MessageReport;
  readonly upstream: MessageReport | undefined;
  readonly response: MessageReport | undefined;
  readonly client: MessageReport | undefined;
  readonly answeredBy: RunReport["answeredBy"];
  readonly responseCodeDetails: string | undefined;
  readonly actions: readonly ActionReport[];
}

/** The listener, and what its upstream got of the last exchange. */
interface Setting {
  readonly listener: PluginListener;
  arrived: UpstreamRequestView | undefined;
  /** The upstream began to answer. */
  answered: boolean;
}

function settingOf(plugin: Plugin, options: RunOptions): Setting {
  const input = options.exchange ?? {};
  const answer = replyOf(input);
  const scope = {
    clock: () => plugin.clock,
    arrived: (request: UpstreamRequestView) => {
      setting.arrived = request;
    },
    waitFor: () => {},
    generation: () => 0,
    failed: () => {},
  };
  const answering = (): Reply => {
    setting.answered = true;
    return answer;
  };
  // trailers of HTTP/1 pass where Envoy is told so: who gives some wants to see them
  const trailers = answer.trailers !== undefined || pairsOf(input.trailers ?? []).length > 0;
  const upstream = clusterOf("upstream", { answer: answering, enableTrailers: trailers }, 0, scope);
  const setting: Setting = {
    listener: new PluginListener(plugin, options, upstream, trailers),
    arrived: undefined,
    answered: false,
  };
  return setting;
}

/** What has come to the upstream by now. */
const arrivedAt = (setting: Setting): UpstreamRequestView | undefined => setting.arrived;

function exchangeOnce(plugin: Plugin, setting: Setting, input: ExchangeInput): Exchanged {
  const { listener } = setting;
  const { clock } = plugin;
  setting.arrived = undefined;
  setting.answered = false;
  const actions: ActionReport[] = [];
  listener.onAnswer = {
    answered(answer, callback) {
      const action = answer === undefined ? "failed" : answer === 0 ? "continue" : "pause";
      actions.push({ callback: callback.descriptor.name, action });
    },
  };
  const client = new ClientResponse();
  let access: AccessEntry | undefined;
  const connection = new Connection(listener, 0, plugin.vm.process, "HTTP/1.1", "127.0.0.1:50000");
  const stream = connection.newStream(new ResponseCollector({ response: client }), (entry) => {
    access = entry;
  });
  const { sent, body, trailers } = requestOf(input);
  const asSent = sent.pairs();
  const method = sent.first(":method");
  const send = (part: () => void): void => {
    if (access !== undefined) return;
    part();
    clock.advance(0);
  };
  send(() => stream.headers(sent, body.length === 0 && trailers.count === 0));
  if (body.length > 0) send(() => stream.data(body, false));
  if (trailers.count > 0) send(() => stream.trailers(trailers));
  else if (body.length > 0) send(() => stream.data(noBytes, true)); // HTTP/1 tells the end of a body by an empty part of its own
  const { before, behind } = listener;
  if (access === undefined) {
    tellOfPause(plugin, arrivedAt(setting)?.complete === true, actions);
    stream.reset();
  }
  const arrived = arrivedAt(setting);
  tellOfMessages(
    { headers: arrived?.headers, body: arrived?.body ?? noBytes, complete: arrived?.complete ?? false },
    { headers: client.status === 0 ? undefined : client.headers, body: client.body, complete: client.complete },
    method,
    plugin.vm.process.onDiagnostic,
  );
  const { details } = access as unknown as AccessEntry;
  const forwarded = setting.answered && details === "via_upstream";
  return {
    outcome: outcomeOf(client, forwarded),
    answeredBy:
      client.status === 0 ? undefined : forwarded ? "upstream" : listener.pluginReplied(details) ? "plugin" : "Envoy",
    request: { headers: before.request ?? asSent, body, trailers: trailers.pairs(), complete: true },
    upstream: arrived && {
      headers: arrived.headers.pairs(),
      ...(behind.request && { fromPlugin: behind.request }),
      body: arrived.body,
      trailers: arrived.trailers?.pairs() ?? [],
      complete: arrived.complete,
    },
    response: setting.answered && behind.response !== undefined ? responseOf(input, behind.response) : undefined,
    client:
      client.status === 0
        ? undefined
        : {
            headers: client.headers.pairs(),
            ...(before.response && { fromPlugin: before.response }),
            body: client.body,
            trailers: client.trailers?.pairs() ?? [],
            complete: client.complete,
          },
    responseCodeDetails: details,
    actions,
  };
}

/** Everything was sent, and the stream is not over. */
function tellOfPause(plugin: Plugin, requestLeft: boolean, actions: readonly ActionReport[]): void {
  const which = requestLeft ? "response" : "request";
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

/** The request as an HTTP/1 client's codec hands it to the listener. */
function requestOf(input: ExchangeInput): { sent: HeaderMap; body: Uint8Array; trailers: HeaderMap } {
  const body = input.body ?? noBytes;
  const trailers = headers(input.trailers ?? [], "requestTrailers");
  const given = pairsOf(input.headers ?? []);
  const own = new Map(given.filter(([name]) => name.startsWith(":")));
  const sent = new HeaderMap("request");
  sent.add(":authority", own.get(":authority") ?? text("authority", input.authority ?? "example.com"));
  sent.add(":path", own.get(":path") ?? text("path", input.path ?? "/"));
  sent.add(":method", own.get(":method") ?? text("method", input.method ?? (body.length > 0 ? "POST" : "GET")));
  for (const [name, value] of given) {
    if (name === "host") sent.replace(":authority", value);
    else if (!own.has(name)) sent.add(name, value);
  }
  for (const [name, value] of own) if (!sent.has(name)) sent.add(name, value);
  if (!sent.has("content-length") && !sent.has("transfer-encoding")) {
    if (trailers.count > 0) sent.add("transfer-encoding", "chunked");
    else if (body.length > 0) sent.add("content-length", String(body.length));
  }
  const scheme = input.scheme ?? "http";
  if (scheme !== "http" && !sent.has("x-forwarded-proto")) sent.add("x-forwarded-proto", scheme); // a proxy in front says so
  return { sent, body, trailers };
}

/** The upstream's answer. */
function replyOf(input: ExchangeInput): Reply {
  const { status = 200, ...given } = input.response ?? {};
  const method = new Map(pairsOf(input.headers ?? [])).get(":method") ?? input.method;
  const bodiless = method === "HEAD" || status === 204 || status === 304;
  if (bodiless && (given.body?.length ?? 0) > 0) {
    throw new HarnessError(
      "OPTION_INVALID",
      `Cannot send a response body: an answer ${status}${method === undefined ? "" : ` to ${method}`} has none`,
    );
  }
  const body = bodiless ? noBytes : (given.body ?? utf8("hello"));
  const trailers = pairsOf(given.trailers ?? []);
  const own = pairsOf(given.headers ?? []).filter(([name]) => name !== ":status");
  const has = (name: string): boolean => own.some(([one]) => one === name);
  if (body.length > 0 && trailers.length === 0 && !has("content-length")) {
    own.push(["content-length", String(body.length)]);
  }
  if (body.length > 0 && !has("content-type")) own.push(["content-type", "text/plain"]);
  return { status, headers: own, body, ...(trailers.length > 0 && { trailers }) };
}

/** The same as it came to the plugin. */
function responseOf(input: ExchangeInput, came: readonly Pair[]): MessageReport {
  const { body, trailers } = replyOf(input);
  return { headers: came, body: body as Uint8Array, trailers: pairsOf(trailers ?? []), complete: true };
}

/** An option as a header value: bytes as they are, wider characters as UTF-8. */
function text(what: string, value: string): string {
  if (/[\r\n\0]/.test(value))
    throw new HarnessError("OPTION_INVALID", `Cannot use ${what} ${JSON.stringify(value)}: no header can hold it`);
  return isByteString(value) ? value : byteString(utf8(value));
}

function outcomeOf(client: ClientResponse, forwarded: boolean): Outcome {
  if (client.status !== 0 && client.complete) return forwarded ? "forwarded" : "local response";
  return client.wasReset ? "reset" : "paused";
}
