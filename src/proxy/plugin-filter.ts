import type { ByteString } from "../abi/bytes.js";
import { BufferType, MapType, Status, StreamType } from "../abi/enums.js";
import { emptyBuffer } from "../host/contexts.js";
import type { PluginContext, StreamContext } from "../host/contexts.js";
import { createStream, openStream } from "../host/life-cycle.js";
import type { LinkedCallback } from "../host/callbacks.js";
import type { PluginVm } from "../host/plugin-vm.js";
import type { BufferPort, Fields, LocalResponse, PropertyValue, StreamPort } from "../host/stream-port.js";
import { DataAction, dataAction, HeadersAction, headersAction, TrailersAction, trailersAction } from "./action.js";
import type { BodyBuffer } from "./body-buffer.js";
import type { HeaderMap } from "./header-map.js";
import type { FilterHandle, HttpFilter } from "./http-filter.js";

export interface PluginFilterOptions {
  /** `allow_on_headers_stop_iteration`. */
  readonly allowOnHeadersStopIteration?: boolean;
  /** The old `fail_open: true`: the callback that traps counts as Continue. */
  readonly passOnFailure?: boolean;
  /** [E] 1.33: the part that arrives is shown together with what is held. */
  readonly cumulativeBody?: boolean;
  /** What a property of this stream means; see `proxy/envoy/attributes.ts`. */
  readonly property?: (filter: PluginFilter, segments: readonly ByteString[]) => PropertyValue;
  readonly setProperty?: (filter: PluginFilter, path: ByteString, value: Uint8Array) => Status;
  /** Something that Envoy leaves undefined, or that would end its process. */
  readonly diagnose?: (code: string, message: string) => void;
}

/** Called with what the guest answered to a stream callback: its raw number. */
export type AnswerListener = (callback: LinkedCallback, answer: number) => void;

/**
 * A plugin as a filter of an HTTP stream: what Envoy's wasm `Context` is.
 *
 * It gives the guest access to a header map from its callback until the guest lets it go: that one rule makes the whole
 * table of what can be read when. [E] context.cc, recorded
 */
export class PluginFilter implements HttpFilter, StreamPort {
  readonly root: PluginContext;
  readonly context: StreamContext;
  readonly #vm: PluginVm;
  readonly #options: PluginFilterOptions;
  onAnswer: AnswerListener | undefined;
  handle!: FilterHandle;
  /** Maps the guest may use now. */
  #requestHeaders: HeaderMap | undefined;
  #requestTrailers: HeaderMap | undefined;
  #responseHeaders: HeaderMap | undefined;
  #responseTrailers: HeaderMap | undefined;
  #requestBody: BodyBuffer | undefined;
  #responseBody: BodyBuffer | undefined;
  #bufferingRequest = false;
  #bufferingResponse = false;
  #endOfStream = false;
  /** Has the request reached this filter? Without that it takes no part in the response either. */
  #started = false;
  inLog = false;
  #failureReplied = false;
  #destroyed = false;

  constructor(root: PluginContext, options: PluginFilterOptions = {}) {
    this.root = root;
    this.#vm = root.vm;
    this.#options = options;
    this.context = openStream(root, this);
  }

  attach(handle: FilterHandle): void {
    this.handle = handle;
  }

  // ------------------------------------------------------------------------------------- the request

  requestHeaders(headers: HeaderMap, endOfStream: boolean): HeadersAction {
    this.#create();
    this.#started = true;
    this.#requestHeaders = headers;
    this.#endOfStream = endOfStream;
    const action = this.#headersCallback(this.#vm.callbacks.proxy_on_request_headers, headers, endOfStream);
    if (action === HeadersAction.Continue) this.#requestHeaders = undefined;
    return action;
  }

  requestData(data: BodyBuffer, endOfStream: boolean): DataAction {
    if (!this.#started) return DataAction.Continue;
    this.#requestBody = data;
    this.#endOfStream = endOfStream;
    if (this.#bufferingRequest && this.#options.cumulativeBody !== false && data !== this.handle.requestBuffer) {
      this.handle.addRequestData(data);
      if (this.#destroyed) return DataAction.StopNoBuffer;
    }
    const size = this.#requestBodyView().size;
    const callback = this.#vm.callbacks.proxy_on_request_body;
    const action = this.#dataCallback(callback, size, endOfStream);
    this.#bufferingRequest = action === DataAction.StopBuffer;
    if (action === DataAction.Continue) this.#requestBody = undefined;
    return action;
  }

  requestTrailers(trailers: HeaderMap): TrailersAction {
    if (!this.#started) return TrailersAction.Continue;
    this.#requestTrailers = trailers;
    const action = this.#trailersCallback(this.#vm.callbacks.proxy_on_request_trailers, trailers);
    if (action === TrailersAction.Continue) this.#requestTrailers = undefined;
    return action;
  }

  // ------------------------------------------------------------------------------------- the response

  responseHeaders(headers: HeaderMap, endOfStream: boolean): HeadersAction {
    if (!this.#started) return HeadersAction.Continue;
    this.#responseHeaders = headers;
    this.#endOfStream = endOfStream;
    const action = this.#headersCallback(this.#vm.callbacks.proxy_on_response_headers, headers, endOfStream);
    if (action === HeadersAction.Continue) this.#responseHeaders = undefined;
    return action;
  }

  responseData(data: BodyBuffer, endOfStream: boolean): DataAction {
    if (!this.#started) return DataAction.Continue;
    this.#responseBody = data;
    this.#endOfStream = endOfStream;
    if (this.#bufferingResponse && this.#options.cumulativeBody !== false && data !== this.handle.responseBuffer) {
      this.handle.addResponseData(data);
      if (this.#destroyed) return DataAction.StopNoBuffer;
    }
    const size = this.#responseBodyView().size;
    const callback = this.#vm.callbacks.proxy_on_response_body;
    const action = this.#dataCallback(callback, size, endOfStream);
    this.#bufferingResponse = action === DataAction.StopBuffer;
    if (action === DataAction.Continue) this.#responseBody = undefined;
    return action;
  }

  responseTrailers(trailers: HeaderMap): TrailersAction {
    if (!this.#started) return TrailersAction.Continue;
    this.#responseTrailers = trailers;
    const action = this.#trailersCallback(this.#vm.callbacks.proxy_on_response_trailers, trailers);
    if (action === TrailersAction.Continue) this.#responseTrailers = undefined;
    return action;
  }

  // ------------------------------------------------------------------------------------- the end

  log(): void {
    if (this.#vm.failed) return;
    this.#create(); // a request that never reached this filter is logged all the same
    this.inLog = true;
    this.#vm.notify(this.#vm.callbacks.proxy_on_log, this.context);
    this.inLog = false;
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    if (this.context.created) this.#vm.notify(this.#vm.callbacks.proxy_on_done, this.context);
    this.#vm.deleteContext(this.context);
  }

  get destroyed(): boolean {
    return this.#destroyed;
  }

  // ------------------------------------------------------------------------------------- what the guest can use

  /** The live maps, for properties. */
  liveFields(map: MapType): HeaderMap | undefined {
    switch (map) {
      case MapType.RequestHeaders:
        return this.#requestHeaders ?? this.#logged(this.handle.stream.requestHeaders);
      case MapType.RequestTrailers:
        return this.#requestTrailers;
      case MapType.ResponseHeaders:
        return this.#responseHeaders ?? this.#logged(this.handle.stream.responseHeaders);
      case MapType.ResponseTrailers:
        return this.#responseTrailers ?? this.#logged(this.handle.stream.responseTrailers);
      default:
        return undefined;
    }
  }

  readFields(map: MapType): Fields | Status {
    return this.liveFields(map) ?? (this.inLog ? Status.NotFound : Status.BadArgument);
  }

  listFields(map: MapType): Fields | undefined {
    return this.liveFields(map);
  }

  writeFields(map: MapType): Fields | Status {
    switch (map) {
      case MapType.RequestHeaders:
        if (this.#requestHeaders !== undefined) this.handle.clearRouteCache();
        return this.#requestHeaders ?? Status.BadArgument;
      case MapType.RequestTrailers:
        if (this.#requestTrailers === undefined && this.#requestBody !== undefined && this.#endOfStream) {
          this.#requestTrailers = this.handle.addRequestTrailers();
        }
        return this.#requestTrailers ?? Status.BadArgument;
      case MapType.ResponseHeaders:
        return this.#responseHeaders ?? Status.BadArgument;
      case MapType.ResponseTrailers:
        if (this.#responseTrailers === undefined && this.#responseBody !== undefined && this.#endOfStream) {
          this.#responseTrailers = this.handle.addResponseTrailers();
        }
        return this.#responseTrailers ?? Status.BadArgument;
      default:
        return Status.BadArgument;
    }
  }

  buffer(type: number): BufferPort {
    if (type === BufferType.RequestBody) return this.#requestBodyView();
    return type === BufferType.ResponseBody ? this.#responseBodyView() : emptyBuffer;
  }

  noteContinue(type: StreamType): void {
    if (type !== StreamType.Request) return;
    this.#requestHeaders = undefined;
    this.#requestTrailers = undefined;
  }

  continueStream(type: StreamType): void {
    if (type === StreamType.Request) this.handle.continueRequest();
    else if (type === StreamType.Response) this.handle.continueResponse();
  }

  closeStream(type: StreamType): void {
    if (type !== StreamType.Request && type !== StreamType.Response) return;
    if (this.handle.stream.responseCodeDetails === undefined) {
      this.handle.stream.responseCodeDetails = "wasm_close_stream";
    }
    this.handle.resetStream();
  }

  sendLocalResponse(response: LocalResponse): void {
    this.handle.sendLocalReply({
      status: response.status,
      body: response.body,
      headers: response.headers,
      grpcStatus: response.grpcStatus,
      details: response.details.replace(/[\t\n\v\f\r ]/g, "_"),
    });
  }

  property(segments: readonly ByteString[]): PropertyValue {
    return this.#options.property?.(this, segments) ?? Status.NotFound;
  }

  setProperty(path: ByteString, value: Uint8Array): Status {
    return this.#options.setProperty?.(this, path, value) ?? Status.NotFound;
  }

  clearRouteCache(): void {
    this.handle.clearRouteCache();
  }

  // ------------------------------------------------------------------------------------- entering the guest

  #create(): void {
    if (!this.context.created && !this.#vm.failed) createStream(this.context);
  }

  #headersCallback(callback: LinkedCallback, headers: HeaderMap, endOfStream: boolean): HeadersAction {
    const vm = this.#vm;
    if (vm.failed) return this.#failed(HeadersAction.StopAllWatermark, HeadersAction.Continue);
    const answer = vm.enter(callback, this.context, headers.count, endOfStream ? 1 : 0);
    const failed = vm.failed;
    const action = failed
      ? this.#failed(HeadersAction.StopAllWatermark, HeadersAction.Continue)
      : headersAction(answer, vm.stopIteration, this.#options.allowOnHeadersStopIteration ?? false);
    this.onAnswer?.(callback, answer);
    vm.finish();
    return action;
  }

  #dataCallback(callback: LinkedCallback, size: number, endOfStream: boolean): DataAction {
    const vm = this.#vm;
    if (vm.failed) return this.#failed(DataAction.StopNoBuffer, DataAction.Continue);
    const answer = vm.enter(callback, this.context, size, endOfStream ? 1 : 0);
    const action = vm.failed
      ? this.#failed(DataAction.StopNoBuffer, DataAction.Continue)
      : dataAction(answer, vm.stopIteration);
    this.onAnswer?.(callback, answer);
    vm.finish();
    return action;
  }

  #trailersCallback(callback: LinkedCallback, trailers: HeaderMap): TrailersAction {
    const vm = this.#vm;
    if (vm.failed) return this.#failed(TrailersAction.StopIteration, TrailersAction.Continue);
    const answer = vm.enter(callback, this.context, trailers.count);
    const action = vm.failed
      ? this.#failed(TrailersAction.StopIteration, TrailersAction.Continue)
      : trailersAction(answer, vm.stopIteration);
    this.onAnswer?.(callback, answer);
    vm.finish();
    return action;
  }

  /** [H] The VM is lost. Closed: once, answer 503 (or cut off), and stop; afterwards nothing of this stream matters to it. */
  #failed<T>(stop: T, pass: T): T {
    if (this.#options.passOnFailure === true) return pass;
    if (this.#failureReplied) return pass;
    this.#failureReplied = true;
    this.handle.sendLocalReply({
      status: 503,
      body: new Uint8Array(0),
      headers: [],
      grpcStatus: 14,
      details: "wasm_fail_stream",
    });
    return stop;
  }

  #requestBodyView(): BufferPort {
    return (this.#bufferingRequest ? this.handle.requestBuffer : this.#requestBody) ?? emptyBuffer;
  }

  #responseBodyView(): BufferPort {
    return (this.#bufferingResponse ? this.handle.responseBuffer : this.#responseBody) ?? emptyBuffer;
  }

  #logged(map: HeaderMap | undefined): HeaderMap | undefined {
    return this.inLog ? map : undefined;
  }
}

