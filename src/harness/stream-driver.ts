import { textOf, utf8 } from "../abi/bytes.js";
import type { Action } from "../abi/enums.js";
import { Action as Actions } from "../abi/enums.js";
import { HarnessError } from "../errors.js";
import type { PluginContext } from "../host/contexts.js";
import { failureError } from "../host/life-cycle.js";
import type { LogRecord } from "../host/log-book.js";
import { BodyBuffer } from "../proxy/body-buffer.js";
import { setStreamProperty, streamProperty } from "../proxy/envoy/attributes.js";
import type { Property } from "../proxy/envoy/property-value.js";
import type { StreamInfo } from "../proxy/envoy/stream-info.js";
import { streamInfo } from "../proxy/envoy/stream-info.js";
import type { HeaderMap } from "../proxy/header-map.js";
import { HttpStream } from "../proxy/http-stream.js";
import { PluginFilter } from "../proxy/plugin-filter.js";
import type { HeadersInput } from "./headers.js";
import { headers } from "./headers.js";

export interface StreamDriverOptions {
  /** Properties of this stream, by path with dots. */
  readonly properties?: Readonly<Record<string, Property>>;
  /** Protocol, addresses and the like, for properties. */
  readonly info?: Partial<StreamInfo>;
}

interface InternalOptions extends StreamDriverOptions {
  readonly allowOnHeadersStopIteration: boolean;
  readonly throwOnFailure: boolean;
}

export interface Part {
  /** Nothing follows. Default false. */
  readonly endOfStream?: boolean;
}

/** A message as it left the plugin, on the side of the upstream or of the client. */
export class Passed {
  headers: HeaderMap | undefined;
  trailers: HeaderMap | undefined;
  /** The message is whole. */
  complete = false;
  readonly #body = new BodyBuffer();

  /** Bytes that have left so far. */
  get body(): Uint8Array {
    return this.#body.whole();
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

  /** Where the stream delivers it. */
  end() {
    return {
      headers: (map: HeaderMap, end: boolean) => {
        this.headers = map;
        this.complete = end;
      },
      data: (data: BodyBuffer, end: boolean) => {
        this.#body.take(data);
        this.complete ||= end;
      },
      trailers: (map: HeaderMap) => {
        this.trailers = map;
        this.complete = true;
      },
    };
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
export class StreamDriver implements Disposable {
  /** The request as it left the plugin. */
  readonly upstream = new Passed();
  /** The response as it left the plugin, or the plugin's own reply. */
  readonly client = new Passed();
  readonly #root: PluginContext;
  readonly #filter: PluginFilter;
  readonly #stream: HttpStream;
  readonly #info: StreamInfo;
  readonly #options: InternalOptions;
  readonly #firstLog: number;
  #answer: number | undefined;
  #cutOff = false;

  /** Use `plugin.openHttpStream()`. */
  constructor(root: PluginContext, number: number, options: InternalOptions) {
    this.#root = root;
    this.#options = options;
    const { clock, log } = root.vm.process;
    this.#firstLog = log.length;
    this.#info = streamInfo(clock.wallNs, {
      connectionId: number,
      properties: options.properties ?? {},
      ...options.info,
    });
    const { allowOnHeadersStopIteration } = options;
    this.#filter = new PluginFilter(root, {
      allowOnHeadersStopIteration,
      property: (filter, segments) => streamProperty(this.#info, filter, segments),
      setProperty: (_, path, value) => setStreamProperty(this.#info, path, value),
    });
    this.#filter.onAnswer = (_, answer) => (this.#answer = answer);
    this.#stream = new HttpStream([this.#filter], {
      upstream: this.upstream.end(),
      client: this.client.end(),
      reset: () => (this.#cutOff = true),
    });
  }

  /** Id of the plugin's stream context. */
  get contextId(): number {
    return this.#filter.context.id;
  }
  get request(): MessageView {
    return view("request", this.#stream.requestHeaders, this.#stream.requestTrailers);
  }
  get response(): MessageView {
    return view("response", this.#stream.responseHeaders, this.#stream.responseTrailers);
  }
  /** The plugin, or its failure, cut the stream off. */
  get cutOff(): boolean {
    return this.#cutOff;
  }
  /** The stream is over: `proxy_on_log`, `proxy_on_done` and `proxy_on_delete` were called. */
  get finished(): boolean {
    return this.#stream.finished;
  }
  /** Details of the response, as access logs show them: `my_reason`, `wasm_fail_stream`. */
  get responseCodeDetails(): string | undefined {
    return this.#stream.responseCodeDetails;
  }
  /** Lines logged by the plugin on this stream's context. */
  get logs(): readonly LogRecord[] {
    return this.#root.vm.process.log.records
      .slice(this.#firstLog)
      .filter((record) => record.contextId === this.contextId);
  }

  /** Makes `proxy_on_request_headers`. */
  requestHeaders(input: HeadersInput, { endOfStream = false }: Part = {}): Action | undefined {
    if (this.#stream.requestHeaders !== undefined) throw this.#illegal("request headers", "they were sent already");
    return this.#act(() => this.#stream.sendRequestHeaders(headers(input, "request"), endOfStream));
  }

  /** Makes `proxy_on_request_body`, or keeps the bytes for a plugin that holds the headers. */
  requestBody(data: string | Uint8Array, { endOfStream = false }: Part = {}): Action | undefined {
    if (this.#stream.requestHeaders === undefined) throw this.#illegal("a request body", "no headers were sent");
    if (this.#stream.requestComplete) throw this.#illegal("a request body", "the request is complete");
    const bytes = bytesOf(data);
    this.#info.requestBytes += bytes.length;
    return this.#act(() => this.#stream.sendRequestData(bytes, endOfStream));
  }

  /** Makes `proxy_on_request_trailers`. */
  requestTrailers(input: HeadersInput): Action | undefined {
    if (this.#stream.requestHeaders === undefined) throw this.#illegal("request trailers", "no headers were sent");
    if (this.#stream.requestComplete) throw this.#illegal("request trailers", "the request is complete");
    return this.#act(() => this.#stream.sendRequestTrailers(headers(input, "requestTrailers")));
  }

  /** Makes `proxy_on_response_headers`. */
  responseHeaders(input: HeadersInput, { endOfStream = false }: Part = {}): Action | undefined {
    if (this.#stream.responseHeaders !== undefined) throw this.#illegal("response headers", this.#responseState());
    return this.#act(() => this.#stream.sendResponseHeaders(headers(input, "response"), endOfStream));
  }

  /** Makes `proxy_on_response_body`, or keeps the bytes for a plugin that holds the headers. */
  responseBody(data: string | Uint8Array, { endOfStream = false }: Part = {}): Action | undefined {
    if (this.#stream.responseHeaders === undefined) throw this.#illegal("a response body", "no headers were sent");
    if (this.#stream.finished) throw this.#illegal("a response body", this.#responseState());
    const bytes = bytesOf(data);
    this.#info.responseBytes += bytes.length;
    return this.#act(() => this.#stream.sendResponseData(bytes, endOfStream));
  }

  /** Makes `proxy_on_response_trailers`. */
  responseTrailers(input: HeadersInput): Action | undefined {
    if (this.#stream.responseHeaders === undefined) throw this.#illegal("response trailers", "no headers were sent");
    if (this.#stream.finished) throw this.#illegal("response trailers", this.#responseState());
    return this.#act(() => this.#stream.sendResponseTrailers(headers(input, "responseTrailers")));
  }

  /** A property as the plugin would read it on this stream now; undefined where it would get no bytes. */
  property(...segments: readonly string[]): Uint8Array | undefined {
    const value = this.#filter.context.property(segments);
    if (typeof value === "number") return undefined;
    return typeof value === "string" ? Buffer.from(value, "latin1") : value;
  }

  /** Ends the stream as a client that goes away does: on_log, on_done, on_delete. Closing twice is harmless. */
  close(): void {
    if (this.#stream.finished) return;
    this.#act(() => this.#stream.abandon());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Hands one part over, lets what is due happen, and reports a failure. */
  #act(send: () => void): Action | undefined {
    const vm = this.#root.vm;
    const hadFailed = vm.failed;
    this.#answer = undefined;
    send();
    vm.process.clock.advance(0);
    if (vm.failed && !hadFailed && this.#options.throwOnFailure) throw failureError(vm);
    if (this.#answer === undefined) return undefined;
    return this.#answer === 0 ? Actions.Continue : Actions.Pause;
  }

  #illegal(what: string, why: string): HarnessError {
    return new HarnessError("ILLEGAL_CALL", `Cannot send ${what}: ${why}`);
  }

  #responseState(): string {
    if (this.#cutOff) return "the stream was reset";
    const status = this.client.status;
    return this.upstream.headers === undefined && status !== undefined
      ? `the plugin answered ${status} itself`
      : "the response has begun already";
  }
}

const bytesOf = (data: string | Uint8Array): Uint8Array => (typeof data === "string" ? utf8(data) : data);

function view(which: string, map: HeaderMap | undefined, trailers: HeaderMap | undefined): MessageView {
  return {
    get headers() {
      if (map === undefined) throw new HarnessError("ILLEGAL_CALL", `Cannot read the ${which}: its headers were not sent`);
      return map;
    },
    trailers,
  };
}

