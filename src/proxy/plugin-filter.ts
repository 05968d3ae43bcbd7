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
import type { FilterHandle, HttpFilter, StreamView } from "./http-filter.js";
import type { Move, Mover } from "./moves.js";
import { crashText, fateOf } from "./moves.js";

export interface PluginFilterOptions {
  /** `allow_on_headers_stop_iteration`. */
  readonly allowOnHeadersStopIteration?: boolean;
  /** The old `fail_open: true`: the callback that traps counts as Continue. */
  readonly passOnFailure?: boolean;
  /** [E] 1.33: the part that arrives is shown together with what is held. */
  readonly cumulativeBody?: boolean;
  /** [E] 1.33: a second local reply of the plugin on this stream counts. Default true. */
  readonly repeatsLocalReplies?: boolean;
}

/** Who reads a property: what it can see of the stream at this moment decides. */
export interface PropertyReader {
  readonly root: PluginContext;
  readonly stream: StreamView;
  /** The map, if the plugin may use it now. */
  liveFields(map: MapType): HeaderMap | undefined;
}

/** What properties of a stream mean: the proxy knows. */
export interface PropertyStore {
  get(reader: PropertyReader, segments: readonly ByteString[]): PropertyValue;
  set(reader: PropertyReader, path: ByteString, value: Uint8Array): Status;
}

/** Is told what the guest answered to each stream callback: its raw number, or undefined when it failed in it. */
export interface AnswerListener {
  answered(answer: number | undefined, callback: LinkedCallback): void;
}

/**
 * A plugin as a filter of an HTTP stream: what Envoy's wasm `Context` is.
 *
 * It gives the guest access to a header map from its callback until the guest lets it go: that one rule makes the whole
 * table of what can be read when. [E] context.cc, recorded
 */
export class PluginFilter implements HttpFilter, StreamPort, PropertyReader, Mover {
  readonly root: PluginContext;
  readonly context: StreamContext;
  private readonly _vm: PluginVm;
  private readonly _options: PluginFilterOptions;
  readonly properties: PropertyStore;
  onAnswer: AnswerListener | undefined = undefined;
  handle!: FilterHandle;
  /** Maps the guest may use now. */
  private _requestHeaders: HeaderMap | undefined = undefined;
  private _requestTrailers: HeaderMap | undefined = undefined;
  private _responseHeaders: HeaderMap | undefined = undefined;
  private _responseTrailers: HeaderMap | undefined = undefined;
  private _requestBody: BodyBuffer | undefined = undefined;
  private _responseBody: BodyBuffer | undefined = undefined;
  private _bufferingRequest = false;
  private _bufferingResponse = false;
  private _endOfStream = false;
  inLog = false;
  /** The plugin failed, and the client was answered for it. */
  trapped = false;
  /** The plugin closed the stream. */
  closed = false;
  /** The plugin sent a local reply. */
  private _replied = false;
  /** Details of the plugin's local reply, unless the plugin failed after it. */
  replyDetails: ByteString | undefined = undefined;
  destroyed = false;
  /** on_done and on_delete run. */
  inEnd = false;

  constructor(root: PluginContext, properties: PropertyStore, options: PluginFilterOptions = {}) {
    this.root = root;
    this.properties = properties;
    this._vm = root.vm;
    this._options = options;
    this.context = openStream(root, this);
  }

  attach(handle: FilterHandle): void {
    this.handle = handle;
  }

  // ------------------------------------------------------------------------------------- the request

  requestHeaders(headers: HeaderMap, endOfStream: boolean): HeadersAction {
    this._create();
    this._requestHeaders = headers;
    this._endOfStream = endOfStream;
    const action = this._headersCallback(this._vm.callbacks.proxy_on_request_headers, headers, endOfStream);
    if (action === HeadersAction.Continue) this._requestHeaders = undefined;
    return action;
  }

  requestData(data: BodyBuffer, endOfStream: boolean): DataAction {
    if (!this.context.created) return DataAction.Continue;
    this._requestBody = data;
    this._endOfStream = endOfStream;
    if (this._bufferingRequest && this._options.cumulativeBody !== false && data !== this.handle.requestBuffer) {
      this.handle.addRequestData(data);
      if (this.destroyed) return DataAction.StopNoBuffer;
    }
    const size = this._requestBodyView().size;
    const callback = this._vm.callbacks.proxy_on_request_body;
    const action = this._dataCallback(callback, size, endOfStream);
    this._bufferingRequest = action === DataAction.StopBuffer;
    if (action === DataAction.Continue) this._requestBody = undefined;
    return action;
  }

  requestTrailers(trailers: HeaderMap): TrailersAction {
    if (!this.context.created) return TrailersAction.Continue;
    this._requestTrailers = trailers;
    const action = this._trailersCallback(this._vm.callbacks.proxy_on_request_trailers, trailers);
    if (action === TrailersAction.Continue) this._requestTrailers = undefined;
    return action;
  }

  // ------------------------------------------------------------------------------------- the response

  responseHeaders(headers: HeaderMap, endOfStream: boolean): HeadersAction {
    if (!this.context.created) return HeadersAction.Continue;
    this._responseHeaders = headers;
    this._endOfStream = endOfStream;
    const action = this._headersCallback(this._vm.callbacks.proxy_on_response_headers, headers, endOfStream);
    if (action === HeadersAction.Continue) this._responseHeaders = undefined;
    return action;
  }

  responseData(data: BodyBuffer, endOfStream: boolean): DataAction {
    if (!this.context.created) return DataAction.Continue;
    this._responseBody = data;
    this._endOfStream = endOfStream;
    if (this._bufferingResponse && this._options.cumulativeBody !== false && data !== this.handle.responseBuffer) {
      this.handle.addResponseData(data);
      if (this.destroyed) return DataAction.StopNoBuffer;
    }
    const size = this._responseBodyView().size;
    const callback = this._vm.callbacks.proxy_on_response_body;
    const action = this._dataCallback(callback, size, endOfStream);
    this._bufferingResponse = action === DataAction.StopBuffer;
    if (action === DataAction.Continue) this._responseBody = undefined;
    return action;
  }

  responseTrailers(trailers: HeaderMap): TrailersAction {
    if (!this.context.created) return TrailersAction.Continue;
    this._responseTrailers = trailers;
    const action = this._trailersCallback(this._vm.callbacks.proxy_on_response_trailers, trailers);
    if (action === TrailersAction.Continue) this._responseTrailers = undefined;
    return action;
  }

  requestMetadata(metadata: HeaderMap): void {
    this._metadataCallback(this._vm.callbacks.proxy_on_request_metadata, metadata.count);
  }

  responseMetadata(metadata: HeaderMap): void {
    this._metadataCallback(this._vm.callbacks.proxy_on_response_metadata, metadata.count);
  }

  // ------------------------------------------------------------------------------------- the end

  log(): void {
    if (this._vm.failed) return;
    this._create(); // a request that never reached this filter is logged all the same
    this.inLog = true;
    this._vm.notify(this._vm.callbacks.proxy_on_log, this.context);
    this.inLog = false;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.inEnd = true;
    if (this.context.created) this._vm.notify(this._vm.callbacks.proxy_on_done, this.context);
    this._vm.deleteContext(this.context);
    this.inEnd = false;
  }

  get ending(): boolean {
    return this.inLog || this.destroyed;
  }

  // ------------------------------------------------------------------------------------- what the guest can use

  get stream(): StreamView {
    return this.handle.stream;
  }

  /** The live maps, for properties. */
  liveFields(map: MapType): HeaderMap | undefined {
    switch (map) {
      case MapType.RequestHeaders:
        return this._logged(this.handle.stream.requestHeaders) ?? this._requestHeaders;
      case MapType.RequestTrailers:
        return this._requestTrailers;
      case MapType.ResponseHeaders:
        return this._logged(this.handle.stream.responseHeaders) ?? this._responseHeaders;
      case MapType.ResponseTrailers:
        return this._logged(this.handle.stream.responseTrailers) ?? this._responseTrailers;
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

  writeFields(map: MapType, isWrite = true): Fields | Status {
    switch (map) {
      case MapType.RequestHeaders:
        if (isWrite && this._requestHeaders !== undefined) this.handle.clearRouteCache();
        return this._requestHeaders ?? Status.BadArgument;
      case MapType.RequestTrailers:
        if (this._requestTrailers === undefined && this._requestBody !== undefined && this._endOfStream) {
          this._requestTrailers = this.handle.addRequestTrailers();
        }
        return this._requestTrailers ?? Status.BadArgument;
      case MapType.ResponseHeaders:
        return this._responseHeaders ?? Status.BadArgument;
      case MapType.ResponseTrailers:
        if (this._responseTrailers === undefined && this._responseBody !== undefined && this._endOfStream) {
          this._responseTrailers = this.handle.addResponseTrailers();
        }
        return this._responseTrailers ?? Status.BadArgument;
      default:
        return Status.BadArgument;
    }
  }

  buffer(type: number): BufferPort {
    if (type === BufferType.RequestBody) return this._requestBodyView();
    return type === BufferType.ResponseBody ? this._responseBodyView() : emptyBuffer;
  }

  noteContinue(type: StreamType): void {
    if (type !== StreamType.Request) return;
    this._requestHeaders = undefined;
    this._requestBody = undefined;
    this._requestTrailers = undefined;
  }

  continueStream(type: StreamType, late: boolean): void {
    if (type === StreamType.Request) {
      if (this._fate("continue request", late) !== "done") return;
      if (this.handle.requestFlows) this._noteNothingPaused("request");
      this.handle.continueRequest();
    } else if (type === StreamType.Response) {
      if (this._fate("continue response", late) !== "done") return;
      if (this.handle.responseFlows) {
        this._noteNothingPaused("response");
        if (this.handle.stream.replyHeld && this._endOfStream) {
          // [R] ch_lrpausex
          return this._noteCrash("proxy_continue_stream(response) on a stream whose local reply another filter holds");
        }
      }
      this.handle.continueResponse();
    }
  }

  noteClose(type: StreamType): void {
    if ((type !== StreamType.Request && type !== StreamType.Response) || this.ending) return;
    this.handle.stream.responseCodeDetails ??= "wasm_close_stream";
  }

  closeStream(type: StreamType, late: boolean): void {
    if (this._fate("close", late) !== "done") return;
    this.closed = true;
    if (type === StreamType.Request || type === StreamType.Response) this.handle.resetStream();
  }

  sendLocalResponse(response: LocalResponse, late: boolean): void {
    const details = response.details.replace(/[\t\n\v\f\r ]/g, "_");
    switch (this._fate("reply", late)) {
      case "crash":
        return;
      case "nothing":
        this.handle.stream.responseCodeDetails = details;
        if (late) this.handle.sendLateReply(response.body.length);
        return;
      default:
    }
    if (this._replied && this._options.repeatsLocalReplies === false) return;
    this._replied = true;
    this.replyDetails = details;
    this.handle.sendLocalReply({
      status: response.status & 0xffff, // [R]
      body: response.body,
      headers: response.headers,
      grpcStatus: response.grpcStatus,
      details,
    });
  }

  /** What becomes of a move; of a crash the test is told. */
  private _fate(move: Move, late: boolean): "done" | "nothing" | "crash" {
    const fate = fateOf(move, this, late);
    if (typeof fate === "string") return fate;
    this._noteCrash(fate.crash);
    return "crash";
  }

  private _noteCrash(what: string): void {
    this._vm.process.onDiagnostic("WOULD_CRASH_ENVOY", crashText(what));
  }

  private _noteNothingPaused(which: string): void {
    this._vm.process.onDiagnostic(
      "CONTINUE_NOT_PAUSED",
      `proxy_continue_stream(${which}) on context ${this.context.id}: its ${which} is not paused`,
    );
  }

  property(segments: readonly ByteString[]): PropertyValue {
    return this.properties.get(this, segments);
  }

  setProperty(path: ByteString, value: Uint8Array): Status {
    return this.properties.set(this, path, value);
  }

  clearRouteCache(): void {
    this.handle.clearRouteCache();
  }

  abandon(): void {
    this.handle.abandonStream();
  }

  // ------------------------------------------------------------------------------------- entering the guest

  private _create(): void {
    if (!this.context.created && !this._vm.failed) createStream(this.context);
  }

  private _headersCallback(callback: LinkedCallback, headers: HeaderMap, endOfStream: boolean): HeadersAction {
    const vm = this._vm;
    if (vm.failed) return this._failed(HeadersAction.StopAllWatermark, HeadersAction.Continue);
    const answer = vm.enter(callback, this.context, headers.count, endOfStream ? 1 : 0);
    const failed = vm.failed;
    const action = failed
      ? this._failed(HeadersAction.StopAllWatermark, HeadersAction.Continue)
      : headersAction(answer, vm.stopIteration, this._options.allowOnHeadersStopIteration ?? false);
    this.onAnswer?.answered(vm.failed ? undefined : answer, callback);
    vm.finish();
    return action;
  }

  private _dataCallback(callback: LinkedCallback, size: number, endOfStream: boolean): DataAction {
    const vm = this._vm;
    if (vm.failed) return this._failed(DataAction.StopNoBuffer, DataAction.Continue);
    const answer = vm.enter(callback, this.context, size, endOfStream ? 1 : 0);
    const action = vm.failed
      ? this._failed(DataAction.StopNoBuffer, DataAction.Continue)
      : dataAction(answer, vm.stopIteration);
    this.onAnswer?.answered(vm.failed ? undefined : answer, callback);
    vm.finish();
    return action;
  }

  private _trailersCallback(callback: LinkedCallback, trailers: HeaderMap): TrailersAction {
    const vm = this._vm;
    if (vm.failed) return this._failed(TrailersAction.StopIteration, TrailersAction.Continue);
    const answer = vm.enter(callback, this.context, trailers.count);
    const action = vm.failed
      ? this._failed(TrailersAction.StopIteration, TrailersAction.Continue)
      : trailersAction(answer, vm.stopIteration);
    this.onAnswer?.answered(vm.failed ? undefined : answer, callback);
    vm.finish();
    return action;
  }

  /** [R] What it answers does not matter. */
  private _metadataCallback(callback: LinkedCallback, count: number): void {
    const vm = this._vm;
    if (!this.context.created || vm.failed) return;
    const answer = vm.enter(callback, this.context, count);
    if (vm.failed) this._failed(undefined, undefined);
    this.onAnswer?.answered(vm.failed ? undefined : answer, callback);
    vm.finish();
  }

  /** [H] The VM is lost. Closed: once, answer 503 (or cut off), and stop; afterwards nothing of this stream matters to it. */
  private _failed<T>(stop: T, pass: T): T {
    if (this._options.passOnFailure === true) return pass;
    if (this.trapped) return pass;
    this.trapped = true;
    this.replyDetails = undefined;
    if (this.destroyed) this.handle.sendLateReply(0); // [R] trap_after_close_shared: another filter of the VM is shown a late reply
    this.handle.sendLocalReply({
      status: 503,
      body: new Uint8Array(0),
      headers: [],
      grpcStatus: 14,
      details: "wasm_fail_stream",
    });
    return stop;
  }

  private _requestBodyView(): BufferPort {
    return (this._bufferingRequest ? this.handle.requestBuffer : this._requestBody) ?? emptyBuffer;
  }

  private _responseBodyView(): BufferPort {
    return (this._bufferingResponse ? this.handle.responseBuffer : this._responseBody) ?? emptyBuffer;
  }

  private _logged(map: HeaderMap | undefined): HeaderMap | undefined {
    return this.inLog ? map : undefined;
  }
}
