import { noBytes, textOf, utf8 } from "../abi/bytes.js";
import type { Action } from "../abi/enums.js";
import { Action as Actions } from "../abi/enums.js";
import { HarnessError } from "../errors.js";
import type { PluginContext } from "../host/contexts.js";
import { failureError } from "../host/life-cycle.js";
import type { LinkedCallback } from "../host/callbacks.js";
import type { LogRecord } from "../host/log-book.js";
import type { TraceEvent } from "../host/trace.js";
import type { PluginVm } from "../host/plugin-vm.js";
import { BodyBuffer } from "../proxy/body-buffer.js";
import { EnvoyStream } from "../proxy/envoy/attributes.js";
import { givenProperties } from "../proxy/envoy/given-properties.js";
import type { StreamProperties } from "../proxy/envoy/attribute-kinds.js";
import type { Properties } from "../proxy/envoy/property-value.js";
import type { SideEnd } from "../proxy/chain-side.js";
import type { StreamFacts } from "../proxy/envoy/stream-info.js";
import type { HeaderMap } from "../proxy/header-map.js";
import type { StreamEnds } from "../proxy/stream-ends.js";
import { HttpStream } from "../proxy/http-stream.js";
import type { AnswerListener, PluginFilterOptions } from "../proxy/plugin-filter.js";
import { PluginFilter } from "../proxy/plugin-filter.js";
import { tellOfMessages } from "./diagnostics.js";
import type { HeadersInput } from "./headers.js";
import { headers } from "./headers.js";

export interface StreamDriverOptions {
  /** Properties of this stream, by path with dots: they win over those of the plugin, as of `loadPlugin`. */
  readonly properties?: StreamProperties;
  /** Protocol, addresses and the like, for properties. */
  readonly facts?: StreamFacts;
}

/** What all streams of a plugin have in common. */
export interface StreamSettings {
  readonly filter: PluginFilterOptions;
  readonly properties: Properties;
  readonly throwOnFailure: boolean;
}

export interface Part {
  /** Nothing follows. Default false. */
  readonly endOfStream?: boolean;
}

const more: Part = {};

/** A message as it left the plugin, on the side of the upstream or of the client. */
export class Passed implements SideEnd {
  headers: HeaderMap | undefined = undefined;
  trailers: HeaderMap | undefined = undefined;
  /** The message is whole. */
  complete = false;
  private _body: BodyBuffer | undefined = undefined;

  /** Bytes that have left so far. */
  get body(): Uint8Array {
    return this._body?.whole() ?? noBytes;
  }
  /** The body as text: UTF-8, broken sequences shown as U+FFFD. */
  text(): string {
    return textOf(this.body);
  }
  /** Of a response. */
  get status(): number | undefined {
    const status = this.headers?.first(":status");
    return status === undefined ? undefined : Number(status);
  }

  /** For the stream, which delivers here. */
  acceptHeaders(headers: HeaderMap, endOfStream: boolean): void {
    this.headers = headers;
    this.complete = endOfStream;
  }
  acceptData(data: BodyBuffer, endOfStream: boolean): void {
    this._body ??= new BodyBuffer();
    this._body.take(data);
    this.complete ||= endOfStream;
  }
  acceptTrailers(trailers: HeaderMap): void {
    this.trailers = trailers;
    this.complete = true;
  }
}

/** The plugin's view of one direction: the maps as the plugin left them so far. */
export interface MessageView {
  readonly headers: HeaderMap;
  readonly trailers: HeaderMap | undefined;
}

/**
 * An HTTP stream driven callback by callback, through a chain of this one plugin: what comes out of the chain is collected
 * in `upstream` and `client`.
 *
 * Each method hands one part to the stream and tells how the plugin answered. A part that the plugin was not shown, since it
 * holds what came before, gives undefined.
 */
export class StreamDriver implements StreamEnds, AnswerListener, Disposable {
  /** The request as it left the plugin. */
  readonly upstream = new Passed();
  /** The response as it left the plugin, or the plugin's own reply. */
  readonly client = new Passed();
  private readonly _root: PluginContext;
  private readonly _filter: PluginFilter;
  private readonly _stream: HttpStream;
  private readonly _info: EnvoyStream;
  private readonly _settings: StreamSettings;
  private readonly _firstLog: number;
  private _answer: number | undefined = undefined;
  private _answered = false;
  private _lastAction: Action | undefined = undefined;
  private _cutOff = false;
  /** Of the request as it came. */
  private _method: string | undefined = undefined;
  private _looked = false;
  /** Told of every stream callback and its raw answer; undefined when the guest failed in it. */
  onAnswer: ((callback: string, answer: number | undefined) => void) | undefined = undefined;

  /** Use `plugin.openHttpStream()`. */
  constructor(root: PluginContext, number: number, settings: StreamSettings, options: StreamDriverOptions = {}) {
    this._root = root;
    this._settings = settings;
    const { clock, log } = root.vm.process;
    this._firstLog = log.next;
    const properties =
      options.properties === undefined ? settings.properties : { ...settings.properties, ...options.properties };
    givenProperties(properties); // what is wrong in them is told now
    this._info = new EnvoyStream(clock, number, properties, options.facts);
    this._filter = new PluginFilter(root, this._info, settings.filter);
    this._filter.onAnswer = this;
    this._stream = new HttpStream([this._filter], this);
  }

  /** For the stream: it was cut off. */
  streamReset(): void {
    this._cutOff = true;
  }
  /** For the stream: it is complete. */
  ended(): void {
    this._info.end();
  }
  /** For the filter: what the guest answered. Of a part that leads to several callbacks the first answer counts. */
  answered(answer: number | undefined, callback: LinkedCallback): void {
    if (!this._answered) this._answer = answer;
    this._answered = true;
    if (this.onAnswer !== undefined) this.onAnswer(callback.descriptor.name, answer);
  }

  /** Id of the plugin's stream context. */
  get contextId(): number {
    return this._filter.context.id;
  }
  get request(): MessageView {
    return view("request", this._stream.requestHeaders, this._stream.requestTrailers);
  }
  get response(): MessageView {
    return view("response", this._stream.responseHeaders, this._stream.responseTrailers);
  }
  /** The plugin, or its failure, cut the stream off. */
  get cutOff(): boolean {
    return this._cutOff;
  }
  /** The stream is over: `proxy_on_log`, `proxy_on_done` and `proxy_on_delete` were called. */
  get finished(): boolean {
    return this._stream.finished;
  }
  /** Details of the response, as access logs show them: `my_reason`, `wasm_fail_stream`. */
  get responseCodeDetails(): string | undefined {
    return this._stream.responseCodeDetails;
  }
  /** Lines logged by the plugin on this stream's context. */
  get logs(): readonly LogRecord[] {
    return this._root.vm.process.log.since(this._firstLog).filter((record) => record.contextId === this.contextId);
  }

  /** How the plugin answered the part that was sent last; undefined when it was not shown it. */
  get lastAction(): Action | undefined {
    return this._lastAction;
  }
  /** Callbacks and hostcalls of the VM, oldest first: all with option `trace`, else the last 32. */
  get trace(): readonly TraceEvent[] {
    return this._vm.trace.events ?? this._vm.trace.recent();
  }

  /** Makes `proxy_on_request_headers`. */
  requestHeaders(input: HeadersInput, { endOfStream = false }: Part = more): Action | undefined {
    if (this._stream.requestHeaders !== undefined) throw this._illegal("request headers", "they were sent already");
    if (this._stream.finished || this._root.deleted) throw this._illegal("request headers", "the stream is closed");
    const failed = this._vm.failed;
    const map = headers(input, "request");
    this._method = map.first(":method");
    this._stream.sendRequestHeaders(map, endOfStream);
    return this._settle(failed);
  }

  /** Makes `proxy_on_request_body`, or keeps the bytes for a plugin that holds the headers. */
  requestBody(data: string | Uint8Array, { endOfStream = false }: Part = more): Action | undefined {
    if (this._stream.requestHeaders === undefined) throw this._illegal("a request body", "no headers were sent");
    if (this._stream.request.complete) throw this._illegal("a request body", "the request is complete");
    if (this._stream.finished) throw this._illegal("a request body", "the stream is closed");
    const bytes = bytesOf(data);
    this._info.requestBytes += bytes.length;
    const failed = this._vm.failed;
    this._stream.sendRequestData(bytes, endOfStream);
    return this._settle(failed);
  }

  /** Makes `proxy_on_request_trailers`. */
  requestTrailers(input: HeadersInput): Action | undefined {
    if (this._stream.requestHeaders === undefined) throw this._illegal("request trailers", "no headers were sent");
    if (this._stream.request.complete) throw this._illegal("request trailers", "the request is complete");
    if (this._stream.finished) throw this._illegal("request trailers", "the stream is closed");
    const failed = this._vm.failed;
    this._stream.sendRequestTrailers(headers(input, "requestTrailers"));
    return this._settle(failed);
  }

  /** Makes `proxy_on_response_headers`. */
  responseHeaders(input: HeadersInput, { endOfStream = false }: Part = more): Action | undefined {
    if (this._stream.responseHeaders !== undefined) throw this._illegal("response headers", this._responseState());
    if (this._stream.finished) throw this._illegal("response headers", "the stream is closed");
    if (this._stream.requestHeaders === undefined) throw this._illegal("response headers", "no request was sent");
    const failed = this._vm.failed;
    this._stream.sendResponseHeaders(headers(input, "response"), endOfStream);
    return this._settle(failed);
  }

  /** Makes `proxy_on_response_body`, or keeps the bytes for a plugin that holds the headers. */
  responseBody(data: string | Uint8Array, { endOfStream = false }: Part = more): Action | undefined {
    if (this._stream.responseHeaders === undefined) throw this._illegal("a response body", "no headers were sent");
    if (this._stream.finished) throw this._illegal("a response body", this._responseState());
    const bytes = bytesOf(data);
    this._info.responseBytes += bytes.length;
    const failed = this._vm.failed;
    this._stream.sendResponseData(bytes, endOfStream);
    return this._settle(failed);
  }

  /** Makes `proxy_on_response_trailers`. */
  responseTrailers(input: HeadersInput): Action | undefined {
    if (this._stream.responseHeaders === undefined) throw this._illegal("response trailers", "no headers were sent");
    if (this._stream.finished) throw this._illegal("response trailers", this._responseState());
    const failed = this._vm.failed;
    this._stream.sendResponseTrailers(headers(input, "responseTrailers"));
    return this._settle(failed);
  }

  /** A property as the plugin would read it on this stream now; undefined where it would get no bytes. */
  property(...segments: readonly string[]): Uint8Array | undefined {
    const value = this._filter.context.property(segments);
    if (typeof value === "number") return undefined;
    return typeof value === "string" ? Buffer.from(value, "latin1") : value;
  }

  /**
   * Ends the stream as a client that goes away does: on_log, on_done, on_delete; and tells in `plugin.diagnostics` what is
   * wrong with the messages that left. Closing twice is harmless.
   */
  close(): void {
    if (!this._looked) {
      this._looked = true;
      tellOfMessages(this.upstream, this.client, this._method, this._vm.process.onDiagnostic);
    }
    if (this._stream.finished) return;
    const failed = this._vm.failed;
    this._stream.abandon();
    this._settle(failed);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private get _vm(): PluginVm {
    return this._root.vm;
  }

  /** After a part was handed over: lets what is due happen, reports a failure, and tells the answer. */
  private _settle(hadFailed: boolean): Action | undefined {
    const vm = this._root.vm;
    vm.process.clock.advance(0);
    if (vm.failed && !hadFailed && this._settings.throwOnFailure) throw failureError(vm);
    const answer = this._answer;
    this._answer = undefined;
    this._answered = false;
    if (answer === undefined) return (this._lastAction = undefined);
    return (this._lastAction = answer === 0 ? Actions.Continue : Actions.Pause);
  }

  private _illegal(what: string, why: string): HarnessError {
    return new HarnessError("ILLEGAL_CALL", `Cannot send ${what}: ${why}`);
  }

  private _responseState(): string {
    if (this._cutOff) return "the stream was reset";
    const status = this.client.status;
    return this.upstream.headers === undefined && status !== undefined
      ? `the plugin answered ${status} itself`
      : "the response has begun already";
  }
}

/** Data as tests give it: text is UTF-8. */
export const bytesOf = (data: string | Uint8Array): Uint8Array => (typeof data === "string" ? utf8(data) : data);

function view(which: string, map: HeaderMap | undefined, trailers: HeaderMap | undefined): MessageView {
  return {
    get headers() {
      if (map === undefined)
        throw new HarnessError("ILLEGAL_CALL", `Cannot read the ${which}: its headers were not sent`);
      return map;
    },
    trailers,
  };
}
