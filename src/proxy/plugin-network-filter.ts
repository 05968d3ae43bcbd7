import type { ByteString } from "../abi/bytes.js";
import { BufferType, PeerType, Status, StreamType } from "../abi/enums.js";
import type { LinkedCallback } from "../host/callbacks.js";
import type { PluginContext, StreamContext } from "../host/contexts.js";
import { emptyBuffer } from "../host/contexts.js";
import { createStream, openStream } from "../host/life-cycle.js";
import type { PluginVm } from "../host/plugin-vm.js";
import type { BufferPort, Fields, LocalResponse, PropertyValue, StreamPort } from "../host/stream-port.js";
import type { BodyBuffer } from "./body-buffer.js";
import type { HeaderMap } from "./header-map.js";
import type { StreamView } from "./http-filter.js";
import type { ClosedBy, NetworkFilter, NetworkFilterHandle } from "./network-filter.js";
import { NetworkAction } from "./network-filter.js";
import type { AnswerListener, PropertyReader, PropertyStore } from "./plugin-filter.js";

const peers: Readonly<Record<ClosedBy, PeerType>> = { local: PeerType.Local, remote: PeerType.Remote };

/** A connection has no messages. */
const noMessages: StreamView = {
  requestHeaders: undefined,
  requestTrailers: undefined,
  responseHeaders: undefined,
  responseTrailers: undefined,
  responseCodeDetails: undefined,
  responseStatus: undefined,
  replyHeld: false,
  responseStarted: false,
  requestComplete: false,
  finished: false,
};

/**
 * A plugin as a filter of a TCP connection: what Envoy's wasm `Context` is there.
 *
 * A buffer can be read and written from its callback until the guest lets the bytes pass. [E] context.cc, recorded
 */
export class PluginNetworkFilter implements NetworkFilter, StreamPort, PropertyReader {
  readonly root: PluginContext;
  readonly context: StreamContext;
  readonly stream = noMessages;
  onAnswer: AnswerListener | undefined = undefined;
  private readonly _vm: PluginVm;
  readonly properties: PropertyStore;
  /** The old `fail_open: true`: the callback that traps counts as Continue. */
  private readonly _passOnFailure: boolean;
  private _handle!: NetworkFilterHandle;
  private _downstream: BodyBuffer | undefined = undefined;
  private _upstream: BodyBuffer | undefined = undefined;

  constructor(root: PluginContext, properties: PropertyStore, passOnFailure = false) {
    this.root = root;
    this._vm = root.vm;
    this.properties = properties;
    this._passOnFailure = passOnFailure;
    this.context = openStream(root, this);
  }

  attach(handle: NetworkFilterHandle): void {
    this._handle = handle;
  }

  newConnection(): NetworkAction {
    if (!this._vm.failed) createStream(this.context);
    return this._callback(this._vm.callbacks.proxy_on_new_connection, 0, false);
  }

  downstreamData(data: BodyBuffer, endOfStream: boolean): NetworkAction {
    if (!this.context.created) return NetworkAction.Continue;
    this._downstream = data;
    const action = this._callback(this._vm.callbacks.proxy_on_downstream_data, data.size, endOfStream);
    if (action === NetworkAction.Continue) this._downstream = undefined;
    return action;
  }

  /** [E] The upstream's end is told as its close too: Envoy does not look at the upstream's connection itself. */
  upstreamData(data: BodyBuffer, endOfStream: boolean): NetworkAction {
    if (!this.context.created) return NetworkAction.Continue;
    this._upstream = data;
    const action = this._callback(this._vm.callbacks.proxy_on_upstream_data, data.size, endOfStream);
    if (action === NetworkAction.Continue) this._upstream = undefined;
    if (endOfStream)
      this._vm.notify(this._vm.callbacks.proxy_on_upstream_connection_close, this.context, PeerType.Unknown);
    return action;
  }

  closed(by: ClosedBy): void {
    const { _vm: vm, context } = this;
    this._downstream = undefined;
    this._upstream = undefined;
    if (context.created) {
      vm.notify(vm.callbacks.proxy_on_downstream_connection_close, context, peers[by]);
      vm.notify(vm.callbacks.proxy_on_done, context);
      vm.notify(vm.callbacks.proxy_on_log, context);
    }
    vm.deleteContext(context);
  }

  // ------------------------------------------------------------------------------------- what the guest can use

  /** For properties: the groups of headers are empty. */
  liveFields(): HeaderMap | undefined {
    return undefined;
  }

  readFields(): Fields | Status {
    return Status.BadArgument;
  }

  writeFields(): Fields | Status {
    return Status.BadArgument;
  }

  listFields(): Fields | undefined {
    return undefined;
  }

  buffer(type: number): BufferPort {
    if (type === BufferType.DownstreamData) return this._downstream ?? emptyBuffer;
    return type === BufferType.UpstreamData ? (this._upstream ?? emptyBuffer) : emptyBuffer;
  }

  readonly ending = false;
  noteContinue(): void {}
  noteClose(): void {}

  continueStream(type: StreamType): void {
    if (type === StreamType.Downstream) this._handle.continueReading();
  }

  /** [E] Both close the client's connection. */
  closeStream(type: StreamType): void {
    if (type === StreamType.Downstream || type === StreamType.Upstream) this._handle.close(true);
  }

  sendLocalResponse({ status }: LocalResponse): void {
    this._vm.process.onDiagnostic(
      "LOCAL_RESPONSE_WITHOUT_STREAM",
      `proxy_send_local_response(${status}) has no effect: context ${this.context.id} is a TCP connection; close it with proxy_close_stream`,
    );
  }

  property(segments: readonly ByteString[]): PropertyValue {
    return this.properties.get(this, segments);
  }

  setProperty(path: ByteString, value: Uint8Array): Status {
    return this.properties.set(this, path, value);
  }

  clearRouteCache(): void {}

  abandon(): void {
    this._handle.close(false);
  }

  // ------------------------------------------------------------------------------------- entering the guest

  private _callback(callback: LinkedCallback, size: number, endOfStream: boolean): NetworkAction {
    const vm = this._vm;
    if (vm.failed) return this._failed();
    const answer = vm.enter(callback, this.context, size, endOfStream ? 1 : 0);
    const { failed } = vm;
    const action = failed ? this._failed() : answer === 0 ? NetworkAction.Continue : NetworkAction.StopIteration;
    this.onAnswer?.answered(failed ? undefined : answer, callback);
    vm.finish();
    return action;
  }

  /** [H] The VM is lost. Closed: the connection ends. */
  private _failed(): NetworkAction {
    if (this._passOnFailure) return NetworkAction.Continue;
    this._handle.close(true);
    return NetworkAction.StopIteration;
  }
}
