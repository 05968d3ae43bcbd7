import { byteString, concat, isByteString, noBytes, textOf, utf8 } from "../abi/bytes.js";
import { HarnessError } from "../errors.js";
import type { Diagnostic } from "../host/diagnostics.js";
import type { LogBook, LogRecord } from "../host/log-book.js";
import type { TraceEvent } from "../host/trace.js";
import { millisecondsToNs } from "../host/services/clock.js";
import type { Client, DownstreamStream } from "../proxy/envoy/peers.js";
import type { AccessEntry } from "../proxy/envoy/settings.js";
import { HeaderMap } from "../proxy/header-map.js";
import type { LeftMessage } from "./diagnostics.js";
import { tellOfMessages } from "./diagnostics.js";
import type { HeadersInput } from "./headers.js";
import { headers, pairsOf } from "./headers.js";
import type { Proxy, ProxyCall } from "./proxy.js";
import type { UpstreamRequestView } from "./upstreams.js";

/** A request as a client sends it. */
export interface ProxyRequest {
  /** Default GET, or POST with a body. */
  readonly method?: string;
  /** Default "/". */
  readonly path?: string;
  /** Default "example.com". */
  readonly authority?: string;
  /** Default "http"; on HTTP/1 the proxy derives it. */
  readonly scheme?: string;
  /** Order and repeats kept. Names that begin with a colon replace the above. */
  readonly headers?: HeadersInput;
  /** Text is UTF-8; a list is sent piece by piece. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[];
  readonly trailers?: HeadersInput;
  /** Default HTTP/1.1. */
  readonly protocol?: "HTTP/1.0" | "HTTP/1.1" | "HTTP/2";
  /** Milliseconds of virtual time before each piece of the body, and before its end. Default 0. */
  readonly chunkDelayMs?: number;
  /** The client leaves after this time. */
  readonly abortAfterMs?: number;
  /** The request is never finished. Default false. */
  readonly incomplete?: boolean;
  /** `ip:port` of the client. */
  readonly sourceAddress?: string;
}

export interface SendOptions {
  /** The client leaves when it fires. */
  readonly signal?: AbortSignal;
}

/** The response as it came to the client. */
export class ClientResponse {
  /** 0 when none came. */
  status = 0;
  /** Empty when none came. */
  headers: HeaderMap = new HeaderMap("response");
  trailers: HeaderMap | undefined = undefined;
  /** 1xx that came before it. */
  informational: readonly number[] = [];
  /** The response is whole. */
  complete = false;
  /** The proxy cut the stream off: closed connection on HTTP/1, RST_STREAM on HTTP/2. */
  wasReset = false;
  /** HTTP/1: the connection ends with this response. */
  closesConnection = false;
  /** For the client, which gathers it. */
  readonly pieces: Uint8Array[] = [];

  get body(): Uint8Array {
    if (this.pieces.length < 2) return this.pieces[0] ?? noBytes;
    return concat(this.pieces);
  }
  /** The body as text: UTF-8, broken sequences shown as U+FFFD. */
  text(): string {
    return textOf(this.body);
  }
  json(): unknown {
    return JSON.parse(this.text()) as unknown;
  }
}

/** One request and everything that came of it. */
export interface Exchange {
  /** What the client got. */
  readonly response: ClientResponse;
  /** What the upstream got; undefined when nothing reached one. */
  readonly upstreamRequest: UpstreamRequestView | undefined;
  /** Calls that plugins made meanwhile, oldest first. */
  readonly calls: readonly ProxyCall[];
  /** Lines logged meanwhile, oldest first. */
  readonly logs: readonly LogRecord[];
  readonly diagnostics: readonly Diagnostic[];
  /** The last callbacks and hostcalls of all plugins, oldest first; all with option `trace`. */
  readonly trace: readonly TraceEvent[];
  /** The line of the access log: code, details, flags, sizes. Undefined while the stream lives. */
  readonly access: AccessEntry | undefined;
}

/**
 * An exchange under way. Awaiting it lets virtual time pass until it ends; as long as nobody does, time is the test's:
 * `const pending = proxy.send(…); proxy.clock.advance(5000); await pending`.
 */
export class PendingExchange implements Exchange, PromiseLike<Exchange> {
  readonly response = new ClientResponse();
  upstreamRequest: UpstreamRequestView | undefined = undefined;
  private readonly _proxy: Proxy;
  /** The client's side of it: for those who build upon the harness. */
  readonly stream: DownstreamStream;
  private readonly _generation: number;
  private readonly _firstCall: number;
  /** Of the worker that has the connection. */
  private readonly _log: LogBook;
  private readonly _firstLog: number;
  private readonly _firstDiagnostic: number;
  private _access: AccessEntry | undefined = undefined;
  private _over = false;
  /** As the client sent it. */
  private _method: string | undefined = undefined;
  private _lastLog = 0;
  private _lastCall = 0;
  private _error: HarnessError | undefined = undefined;

  /** Use `proxy.send()`. */
  constructor(proxy: Proxy, request: ProxyRequest, { signal }: SendOptions) {
    this._proxy = proxy;
    const { engine } = proxy;
    this._generation = proxy.generation;
    this._firstCall = engine.callouts.calls.length;
    this._firstDiagnostic = engine.diagnostics.length;
    const protocol = request.protocol ?? "HTTP/1.1";
    const connection = engine.connect({
      protocol,
      ...(request.sourceAddress !== undefined && { address: request.sourceAddress }),
    });
    this._log = connection.worker.log;
    this._firstLog = this._log.next;
    this.stream = connection.newStream(new ResponseCollector(this), (access) => this._ended(access));
    signal?.addEventListener("abort", () => this.abort(), { once: true });
    this._send(request, protocol === "HTTP/2");
    if (request.abortAfterMs !== undefined) {
      engine.clock.schedule(millisecondsToNs(request.abortAfterMs), () => this.abort());
    }
    engine.clock.advance(0);
  }

  /** The stream is over: answered, reset, or left by the client. */
  get over(): boolean {
    return this._over;
  }
  get access(): AccessEntry | undefined {
    return this._access;
  }
  get calls(): readonly ProxyCall[] {
    this._mustBeKept("calls");
    return this._proxy.callsFrom(this._firstCall, this._over ? this._lastCall : undefined);
  }
  get logs(): readonly LogRecord[] {
    this._mustBeKept("logs");
    return this._log.since(this._firstLog, this._over ? this._lastLog : undefined);
  }
  get trace(): readonly TraceEvent[] {
    return this._proxy.trace;
  }
  get diagnostics(): readonly Diagnostic[] {
    this._mustBeKept("diagnostics");
    return this._proxy.engine.diagnostics.slice(this._firstDiagnostic);
  }

  /** The client leaves. */
  abort(): void {
    if (this._over || this._generation !== this._proxy.generation) return;
    this.stream.reset();
    this._proxy.engine.clock.advance(0);
  }

  // oxlint-disable-next-line unicorn/no-thenable -- awaiting is what lets time pass
  then<A = Exchange, B = never>(
    done?: ((exchange: Exchange) => A | PromiseLike<A>) | null,
    failed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this._finish().then(done, failed);
  }

  /** For the proxy: why the exchange fails, whatever the client got. */
  fail(error: HarnessError): void {
    this._error ??= error;
  }

  private _mustBeKept(what: string): void {
    if (this._generation === this._proxy.generation) return;
    throw new HarnessError(
      "ILLEGAL_CALL",
      `Cannot read ${what} of an exchange: the proxy was restored; read them before`,
    );
  }

  private async _finish(): Promise<Exchange> {
    if (this._error !== undefined && this._generation !== this._proxy.generation) throw this._error;
    await this._proxy.passTime(() => this._over || this._error !== undefined);
    this._proxy.throwProblems(this._error, this._firstDiagnostic);
    return new FinishedExchange(this);
  }

  private _ended(access: AccessEntry): void {
    this._over = true;
    this._access = access;
    this._lastLog = this._log.next;
    this._lastCall = this._proxy.engine.callouts.calls.length;
    const { upstreamRequest, response } = this;
    const client = response.status === 0 ? nothingLeft : response;
    const { onDiagnostic } = this._proxy.engine.worker;
    tellOfMessages(upstreamRequest ?? nothingLeft, client, this._method, onDiagnostic);
    this._proxy.forget(this);
  }

  private _send(request: ProxyRequest, http2: boolean): void {
    const pieces = piecesOf(request.body);
    const trailers = request.trailers && headers(request.trailers, "requestTrailers");
    const ends = pieces.length === 0 && trailers === undefined && request.incomplete !== true;
    const map = requestHeaders(request, pieces, http2);
    this._method = map.first(":method");
    this._proxy.begin(this);
    this.stream.headers(map, ends);
    if (ends) return;
    const { clock } = this._proxy.engine;
    const delayNs = millisecondsToNs(request.chunkDelayMs ?? 0);
    const finish = (): void => {
      if (request.incomplete === true) return;
      if (trailers !== undefined) this.stream.trailers(trailers);
      else if (!http2 || pieces.length === 0) this.stream.data(noBytes, true);
    };
    const step = (at: number): void => {
      if (at === pieces.length) return finish();
      const last = http2 && trailers === undefined && request.incomplete !== true && at === pieces.length - 1;
      this.stream.data(pieces[at]!, last);
      if (last) return;
      if (delayNs > 0) clock.schedule(delayNs, () => step(at + 1));
      else step(at + 1);
    };
    if (delayNs > 0) clock.schedule(delayNs, () => step(0));
    else step(0);
  }
}

const nothingLeft: LeftMessage = { headers: undefined, body: noBytes, complete: false };

/** Without `then`: a promise of something thenable would wait for it for ever. What it shows is made when somebody looks. */
class FinishedExchange implements Exchange {
  private readonly _of: PendingExchange;
  constructor(pending: PendingExchange) {
    this._of = pending;
  }
  get response(): ClientResponse {
    return this._of.response;
  }
  get upstreamRequest(): UpstreamRequestView | undefined {
    return this._of.upstreamRequest;
  }
  get calls(): readonly ProxyCall[] {
    return this._of.calls;
  }
  get logs(): readonly LogRecord[] {
    return this._of.logs;
  }
  get trace(): readonly TraceEvent[] {
    return this._of.trace;
  }
  get diagnostics(): readonly Diagnostic[] {
    return this._of.diagnostics;
  }
  get access(): AccessEntry | undefined {
    return this._of.access;
  }
}

/** A client that gathers its response. */
export class ResponseCollector implements Client {
  private readonly _pending: { readonly response: ClientResponse };
  constructor(pending: { readonly response: ClientResponse }) {
    this._pending = pending;
  }
  informational(map: HeaderMap): void {
    const { response } = this._pending;
    response.informational = [...response.informational, Number(map.first(":status"))];
  }
  headers(map: HeaderMap, endOfStream: boolean): void {
    const { response } = this._pending;
    response.status = Number(map.first(":status"));
    response.headers = map;
    response.complete = endOfStream;
  }
  data(bytes: Uint8Array, endOfStream: boolean): void {
    const { response } = this._pending;
    if (bytes.length > 0) response.pieces.push(bytes);
    response.complete = endOfStream;
  }
  trailers(trailers: HeaderMap): void {
    this._pending.response.trailers = trailers;
    this._pending.response.complete = true;
  }
  reset(): void {
    if (!this._pending.response.complete) this._pending.response.wasReset = true;
  }
  closing(): void {
    this._pending.response.closesConnection = true;
  }
}

/** The request as a client's codec hands it over. */
function requestHeaders(request: ProxyRequest, pieces: readonly Uint8Array[], http2: boolean): HeaderMap {
  const given = request.headers === undefined ? [] : pairsOf(request.headers);
  const own = given.some(([name]) => name.startsWith(":") || name === "host") ? new Map(given) : noPairs;
  const map = new HeaderMap("request");
  const pseudo = (name: string, value: string): void => map.add(name, own.get(name) ?? headerText(name, value));
  const authority = own.get("host") ?? request.authority ?? "example.com";
  const method = request.method ?? (pieces.length > 0 ? "POST" : "GET");
  if (http2) {
    pseudo(":method", method);
    pseudo(":path", request.path ?? "/");
    pseudo(":authority", authority);
    pseudo(":scheme", request.scheme ?? "http");
  } else {
    pseudo(":authority", authority);
    pseudo(":path", request.path ?? "/");
    pseudo(":method", method);
  }
  for (const [name, value] of given) {
    if (own === noPairs || (!name.startsWith(":") && name !== "host")) map.add(name, value);
  }
  if (!http2 && request.scheme === "https" && !map.has("x-forwarded-proto")) map.add("x-forwarded-proto", "https");
  if (pieces.length === 0) return map;
  const framed = map.has("content-length") || map.has("transfer-encoding");
  if (!framed) {
    if (request.trailers === undefined && request.incomplete !== true) {
      map.add("content-length", String(pieces.reduce((sum, piece) => sum + piece.length, 0)));
    } else if (!http2) {
      map.add("transfer-encoding", "chunked");
    }
  }
  return map;
}

const noPairs: ReadonlyMap<string, string> = new Map();

/** The value of a pseudo header: bytes as they are, wider characters as UTF-8. */
function headerText(name: string, value: string): string {
  if (/[\r\n\0]/.test(value)) {
    throw new HarnessError("OPTION_INVALID", `Cannot use ${name} ${JSON.stringify(value)}: no header can hold it`);
  }
  return isByteString(value) ? value : byteString(utf8(value));
}

function piecesOf(body: ProxyRequest["body"]): readonly Uint8Array[] {
  if (body === undefined) return [];
  const pieces = typeof body === "string" || body instanceof Uint8Array ? [body] : body;
  return pieces.map((piece) => (typeof piece === "string" ? utf8(piece) : piece)).filter((piece) => piece.length > 0);
}
