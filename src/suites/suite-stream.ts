import { type ByteString, byteString } from "../abi/bytes.js";
import { BufferType, MapType, Status } from "../abi/enums.js";
import type { LinkedCallback } from "../host/callbacks.js";
import { emptyBuffer } from "../host/contexts.js";
import type { PluginContext, StreamContext } from "../host/contexts.js";
import { createStream, openStream } from "../host/life-cycle.js";
import type { BufferPort, Fields, LocalResponse, PropertyValue, StreamPort } from "../host/stream-port.js";
import { BodyBuffer } from "../proxy/body-buffer.js";
import { FoldedFields } from "./folded-fields.js";
import type { PhaseName } from "./suite.js";

/** What a phase came to. */
export interface PhaseResult {
  readonly headers: FoldedFields;
  /** Bytes as characters 0 to 255. */
  readonly body: string;
  /** Of a headers phase: did the callback return Continue? */
  readonly continued: boolean;
  readonly reply: LocalResponse | undefined;
}

/** What later phases see once the plugin has answered. */
const nothing: PhaseResult = { headers: new FoldedFields(), body: "", continued: true, reply: undefined };

/**
 * A stream as Google's test framework drives it, which is not as Envoy does: one header map at a time, buffers of one callback, no
 * holding back.
 */
export class SuiteStream implements StreamPort {
  readonly context: StreamContext;
  readonly ending = false;
  /** What the plugin did that a suite cannot tell. */
  unsaid: string | undefined = undefined;
  private readonly _root: PluginContext;
  private readonly _properties: Map<string, string>;
  private _phase: PhaseName | undefined = undefined;
  private _headers = new FoldedFields();
  private _body = new BodyBuffer();
  private _reply: LocalResponse | undefined = undefined;
  private _answered = false;

  constructor(root: PluginContext, properties: ReadonlyMap<string, string>) {
    this._root = root;
    this._properties = new Map(properties);
    this.context = openStream(root, this);
    createStream(this.context);
  }

  /** Headers are never the end of the stream. */
  headers(phase: "request_headers" | "response_headers", headers: FoldedFields): PhaseResult {
    if (this._answered) return nothing;
    const { callbacks } = this._root.vm;
    const callback =
      phase === "request_headers" ? callbacks.proxy_on_request_headers : callbacks.proxy_on_response_headers;
    this._headers = headers;
    const continued = this._enter(phase, callback, headers.count, false);
    if (this._reply === undefined) return { headers, body: "", continued, reply: undefined };
    const given = new FoldedFields(this._reply.headers);
    return { headers: given, body: byteString(this._reply.body), continued, reply: this._reply };
  }

  body(phase: "request_body" | "response_body", part: Uint8Array, endOfStream: boolean): PhaseResult {
    if (this._answered) return nothing;
    const { callbacks } = this._root.vm;
    const callback = phase === "request_body" ? callbacks.proxy_on_request_body : callbacks.proxy_on_response_body;
    this._body = new BodyBuffer(part);
    this._enter(phase, callback, part.length, endOfStream);
    const body = byteString(this._reply === undefined ? this._body.whole() : this._reply.body);
    return { headers: new FoldedFields(), body, continued: true, reply: this._reply };
  }

  end(): void {
    const { vm } = this._root;
    if (vm.failed) return;
    vm.notify(vm.callbacks.proxy_on_log, this.context);
    if (!vm.failed) vm.notify(vm.callbacks.proxy_on_done, this.context);
    if (!vm.failed) vm.deleteContext(this.context);
  }

  private _enter(phase: PhaseName, callback: LinkedCallback, size: number, endOfStream: boolean): boolean {
    const { vm } = this._root;
    this._phase = phase;
    const answer = vm.enter(callback, this.context, size, endOfStream ? 1 : 0);
    const continued = answer === 0 && !vm.stopIteration;
    vm.finish();
    this._phase = undefined;
    return continued;
  }

  // ------------------------------------------------------------------------------------- what the guest can use

  readFields(map: MapType): Fields | Status {
    return this._isHere(map) ? this._headers : Status.BadArgument;
  }
  writeFields(map: MapType): Fields | Status {
    return this.readFields(map);
  }
  listFields(map: MapType): Fields | undefined {
    return this._isHere(map) ? this._headers : undefined;
  }
  private _isHere(map: MapType): boolean {
    if (map === MapType.RequestHeaders) return this._phase === "request_headers";
    return map === MapType.ResponseHeaders && this._phase === "response_headers";
  }

  buffer(type: number): BufferPort {
    if (type === BufferType.RequestBody && this._phase === "request_body") return this._body;
    return type === BufferType.ResponseBody && this._phase === "response_body" ? this._body : emptyBuffer;
  }

  get refusesReplies(): boolean {
    return this._phase === "response_body";
  }

  sendLocalResponse(response: LocalResponse): void {
    this._reply = response;
    this._answered = true;
  }

  property(segments: readonly ByteString[]): PropertyValue {
    return this._properties.get(segments.filter((one) => one !== "").join(".")) ?? Status.NotFound;
  }
  setProperty(path: ByteString, value: Uint8Array): Status {
    this._properties.set(dotted(path), byteString(value));
    return Status.Ok;
  }

  // Google's framework holds nothing back and keeps no connection: both are unimplemented there.
  continueStream(): void {}
  closeStream(): void {}
  noteContinue(): void {
    this.unsaid ??= "continued a stream";
  }
  noteClose(): void {
    this.unsaid ??= "closed a stream";
  }
  clearRouteCache(): void {}
  abandon(): void {}
}

/** A path whose parts NUL separates, with dots; empty parts dropped. */
export const dotted = (path: string): string =>
  path
    .split("\0")
    .filter((one) => one !== "")
    .join(".");
