import type { ByteString } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { BodyBuffer } from "./body-buffer.js";
import type { SideEnd } from "./chain-side.js";
import type { ChainSide } from "./chain-side.js";
import { Place, placesOf } from "./chain-side.js";
import { HeaderMap } from "./header-map.js";
import type { FilterHandle, HttpFilter, StreamView } from "./http-filter.js";
import type { LocalReply } from "./local-reply.js";
import { composeReply, isGrpc } from "./local-reply.js";
import { RequestSide, ResponseSide } from "./http-sides.js";

/** What a stream is connected to on both sides. */
export interface StreamEnds {
  /** Towards the upstream: the router. */
  readonly upstream: SideEnd;
  /** Towards the client. */
  readonly client: SideEnd;
  /** The stream was cut off in both directions. */
  streamReset(): void;
  /** A reply without a body would leave, and its stream was cut off before. */
  repliedAfterReset?(): void;
  /** Trailers would leave on a stream that has ended: the filter that was shown them ended it, and let them pass. */
  trailersAfterEnd?(): void;
  /** The response is complete, or the stream was reset: nothing follows but log and destroy. */
  ended?(): void;
  /** Every filter logged; none was destroyed. */
  logged?(): void;
  /** Log and destroy were called: nothing follows at all. */
  gone?(): void;
  /** A response that cannot leave as it is gets replaced by this reply. [E] checkRequiredResponseHeaders */
  checkResponse?(headers: HeaderMap): LocalReply | undefined;
  /** Headers that the route adds to local replies. */
  replyHeaders?(): readonly Pair[];
  /** A local reply is made: nothing of the upstream is wanted any more. */
  answering?(): void;
  /** Answers in the stream's place: another stream's filters see it. */
  takeReply?(reply: LocalReply): void;
  /** A local reply as it is configured to be, before filters see it. [E] local_reply_config */
  mapReply?(reply: LocalReply): LocalReply;
  /** The sender of requests or responses is to be slowed, or no longer. */
  watermark?(direction: "request" | "response", above: boolean): void;
  /** A filter wrote to the request headers, or asked for it: the route has to be matched again. */
  clearRouteCache?(): void;
}

export interface StreamOptions {
  /** Bytes that filters may hold. Default: no limit. */
  readonly requestBufferLimit?: number;
  readonly responseBufferLimit?: number;
  /** Filters log when the stream is over. Default true. */
  readonly logs?: boolean;
  /** [E] False up to 1.38. Default true. */
  readonly forwardsAddedData?: boolean;
  /** HTTP/2: a response that was made while the codec reads is complete when it has read all. Default false. */
  readonly endsAfterRead?: boolean;
}

/**
 * One HTTP stream through a chain of filters: a request on its way up, a response on its way down, and the rules for what
 * a filter can do to them. [E] FilterManager, with the parts of the connection manager that filters can see.
 */
export class HttpStream implements StreamView {
  readonly ends: StreamEnds;
  readonly request: ChainSide;
  readonly response: ChainSide;
  private readonly filters: readonly HttpFilter[];
  private readonly logs: boolean;
  responseCodeDetails: string | undefined = undefined;
  responseStatus: ByteString | undefined = undefined;
  private isHead = false;
  private isGrpc = false;
  /** A reply made while a request callback ran; it is sent when the callback has returned. */
  private prepared: LocalReply | undefined = undefined;
  /** Status of a local reply that was made, also if it never left. */
  replyStatus: number | undefined = undefined;
  /** One of them was a 400. */
  asked400 = false;
  requestAborted = false;
  responseAborted = false;
  private headersSent = false;
  responseComplete = false;
  /** A local reply went past the filters, since they held the upstream's headers. */
  repliedDirectly = false;
  /** A reply goes through the chain while the codec reads the request: what cuts in now does not end the connection at once. [R] */
  inRead = false;
  /**
   * A local reply goes through the chain while the codec still reads: another one may overtake it, and the body of the first is shown to
   * the filters that it meets all the same; the stream ends afterwards. [E] encodeData, [R] found by parity:fuzz
   */
  replying = false;
  private readonly endsAfterRead: boolean;
  /** The codec is reading the request: part of it is on its way through the filters. */
  private reading = false;
  /** Was the stream cut off? */
  wasReset = false;
  /** Log and destroy were called. */
  finished = false;
  /** It was the client who cut it off. */
  private abandoned = false;
  /** Cut off, and the filters are about to know: a reply asked for before can still reach the client. */
  private cutting = false;

  constructor(filters: readonly HttpFilter[], ends: StreamEnds, options: StreamOptions = defaults) {
    this.ends = ends;
    this.endsAfterRead = options.endsAfterRead ?? false;
    this.filters = filters;
    this.logs = options.logs ?? true;
    const last = filters.length - 1;
    this.request = new RequestSide(this, placesOf(filters, 0, 1));
    this.response = new ResponseSide(this, placesOf(filters, last, -1));
    this.request.bufferLimit = options.requestBufferLimit ?? Infinity;
    this.response.bufferLimit = options.responseBufferLimit ?? Infinity;
    this.request.forwardsAddedData = this.response.forwardsAddedData = options.forwardsAddedData ?? true;
    for (let i = 0; i <= last; i++) {
      filters[i]!.attach(new Handle(this, this.request.places[i]!, this.response.places[last - i]!));
    }
  }

  get requestHeaders(): HeaderMap | undefined {
    return this.request.headers;
  }
  get requestTrailers(): HeaderMap | undefined {
    return this.request.trailers;
  }
  get responseHeaders(): HeaderMap | undefined {
    return this.response.headers;
  }
  get responseTrailers(): HeaderMap | undefined {
    return this.response.trailers;
  }
  get replyHeld(): boolean {
    return this.replyStatus !== undefined && this.response.headers !== undefined && !this.headersSent;
  }
  get requestComplete(): boolean {
    return this.request.complete;
  }
  /** Cut off, and nothing can reach the client any more. */
  get isCut(): boolean {
    return this.wasReset && !this.cutting;
  }
  /** Have response headers gone to the client? */
  get responseStarted(): boolean {
    return this.headersSent;
  }

  // ------------------------------------------------------------------------------------- from the client

  sendRequestHeaders(headers: HeaderMap, endOfStream: boolean): void {
    this.isHead = headers.first(":method") === "HEAD";
    this.isGrpc = isGrpc(headers);
    this.request.headers = headers;
    this.request.complete = endOfStream;
    this.reading = true;
    this.request.sendHeaders(headers, endOfStream);
    this.sendPrepared();
    this.reading = false;
  }

  sendRequestData(data: Uint8Array, endOfStream: boolean): void {
    if (this.finished) return;
    if (endOfStream) this.request.complete = true;
    this.reading = true;
    this.request.sendData(new BodyBuffer(data), endOfStream);
    this.sendPrepared();
    this.reading = false;
  }

  sendRequestTrailers(trailers: HeaderMap): void {
    if (this.finished) return;
    this.request.complete = true;
    this.request.trailers = trailers;
    this.reading = true;
    this.request.sendTrailers(trailers);
    this.sendPrepared();
    this.reading = false;
  }

  /** A request that no filter is to see: it is answered at once. */
  refuseRequest(headers: HeaderMap | undefined, endOfStream: boolean, reply: LocalReply): void {
    this.isHead = headers?.first(":method") === "HEAD";
    this.isGrpc = isGrpc(headers);
    this.request.headers = headers;
    this.request.complete = endOfStream;
    this.sendLocalReply(reply);
  }

  sendRequestMetadata(metadata: HeaderMap): void {
    if (this.finished) return;
    this.request.sendMetadata(metadata);
    this.sendPrepared();
  }

  // ------------------------------------------------------------------------------------- from the upstream

  sendResponseHeaders(headers: HeaderMap, endOfStream: boolean): void {
    if (this.finished || this.response.headers !== undefined) return;
    this.responseCodeDetails ??= "via_upstream";
    this.responseStatus = headers.first(":status");
    this.response.headers = headers;
    this.response.complete = endOfStream;
    this.response.sendHeaders(headers, endOfStream);
  }

  sendResponseData(data: Uint8Array, endOfStream: boolean): void {
    if (this.finished || this.responseAborted) return;
    if (endOfStream) this.response.complete = true;
    this.response.sendData(new BodyBuffer(data), endOfStream);
  }

  sendResponseTrailers(trailers: HeaderMap): void {
    if (this.finished || this.responseAborted) return;
    this.response.complete = true;
    this.response.trailers = trailers;
    this.response.sendTrailers(trailers);
  }

  sendResponseMetadata(metadata: HeaderMap): void {
    if (!this.finished && !this.responseAborted) this.response.sendMetadata(metadata);
  }

  // ------------------------------------------------------------------------------------- cutting in

  /**
   * Answers in the upstream's place. Where the answer goes depends on how far the response is: through the chain while
   * there is none; straight to the client while its headers are still held; else the stream is reset. [E] sendLocalReply
   */
  sendLocalReply(reply: LocalReply): void {
    if ((this.finished || this.wasReset) && !this.cutting) return;
    if (this.replying && this.repliedDirectly) {
      this.responseCodeDetails = reply.details; // [R] two_replies: the client has one, and the codec still reads
      return;
    }
    if (this.ends.takeReply !== undefined) {
      this.requestAborted = this.responseAborted = true;
      return this.ends.takeReply(reply);
    }
    const inRequestCallback = this.request.running !== 0;
    if (inRequestCallback) this.requestAborted = true;
    else if (this.response.running !== 0) this.responseAborted = true;
    this.responseCodeDetails = reply.details;
    this.replyStatus ??= reply.status;
    if (reply.status === 400) this.asked400 = true;
    this.ends.answering?.();
    if (this.response.headers === undefined) {
      if (!inRequestCallback) this.sendThroughChain(reply);
      else this.prepared ??= reply; // the first wins, the details are the last one's
    } else if (!this.headersSent) {
      this.responseAborted = true;
      this.sendDirect(reply);
    } else {
      this.reset();
    }
  }

  /** [R] late_reply: an empty one is the end of a message that the codec has given up. */
  sendLateReply(size: number): void {
    if (this.wasReset && (size === 0 || this.isHead || this.isGrpc)) this.ends.repliedAfterReset?.();
  }

  /** Cuts the stream off in both directions. */
  reset(): void {
    if (this.finished || this.wasReset) return;
    this.wasReset = true;
    this.finish();
  }

  /** Ends a stream that nobody will complete: log and destroy. */
  abandon(): void {
    if (this.finished) return;
    this.wasReset = true;
    this.abandoned = true;
    this.finish();
  }

  sendPrepared(): void {
    const reply = this.prepared;
    // [R] lrclose: a stream that its filter cut off after preparing this shows it to the chain all the same
    if (reply === undefined || (this.finished && !this.wasReset)) return;
    this.prepared = undefined;
    this.sendThroughChain(reply);
  }

  private sendThroughChain(reply: LocalReply): void {
    const { headers, body } = this.compose(reply);
    const endOfStream = body.length === 0;
    this.response.streaming = true;
    this.inRead = this.reading;
    this.response.headers = headers;
    this.response.complete = endOfStream;
    this.replying = this.reading && this.endsAfterRead && this.request.complete; // else the rest of the request is refused at once
    this.response.sendHeaders(headers, endOfStream);
    if (!endOfStream && (this.cutting || !(this.finished || this.isCut)) && (this.replying || !this.responseAborted)) {
      this.response.complete = true;
      this.response.sendData(new BodyBuffer(body), true);
    }
    this.inRead = false;
    if (!this.replying) return;
    this.replying = false;
    if (this.responseComplete || this.wasReset) this.finish();
  }

  private sendDirect(reply: LocalReply): void {
    this.repliedDirectly = true;
    const { headers, body } = this.compose(reply);
    this.responseStatus = headers.first(":status");
    this.response.headers = headers;
    this.headersSent = true;
    this.ends.client.acceptHeaders(headers, body.length === 0);
    if (body.length > 0) this.ends.client.acceptData(new BodyBuffer(body), true);
    this.responseComplete = true;
    this.finish();
  }

  private compose(given: LocalReply) {
    const reply = this.ends.mapReply === undefined ? given : this.ends.mapReply(given);
    const made = composeReply(reply, { grpc: this.isGrpc, head: this.isHead }, this.ends.replyHeaders?.());
    // [R] grpc_reply_code: until the headers leave it is what was asked for, not the 200 that gRPC gets
    this.responseStatus = String(reply.status);
    return made;
  }

  // ------------------------------------------------------------------------------------- leaving

  responseHeadersLeave(headers: HeaderMap, endOfStream: boolean): void {
    if (this.isCut) {
      if (endOfStream) this.ends.repliedAfterReset?.();
      return;
    }
    const refused = this.ends.checkResponse?.(headers);
    if (refused !== undefined) return this.sendLocalReply(refused);
    this.headersSent = true;
    this.responseStatus = headers.first(":status");
    this.ends.client.acceptHeaders(headers, endOfStream);
    if (endOfStream) this.responseLeft();
  }

  responseLeft(): void {
    this.responseComplete = true;
    this.cutting = false; // [R] continue_close_reply: the codec has completed what was to be cut off
    this.finish();
  }

  finish(): void {
    if (this.finished || this.replying) return;
    this.finished = true;
    this.cutting = this.wasReset && !this.abandoned;
    this.ends.ended?.();
    if (this.logs) for (const filter of this.filters) filter.log();
    this.ends.logged?.();
    if (this.wasReset && !this.abandoned) this.ends.streamReset();
    this.cutting = false;
    for (const filter of this.filters) filter.destroy();
    this.ends.gone?.();
  }
}

const defaults: StreamOptions = {};

/** One filter's way to its stream. */
class Handle implements FilterHandle {
  readonly stream: HttpStream;
  private readonly request: Place;
  private readonly response: Place;

  constructor(stream: HttpStream, request: Place, response: Place) {
    this.stream = stream;
    this.request = request;
    this.response = response;
  }
  continueRequest(): void {
    if (this.stream.request.continueFrom(this.request)) this.stream.sendPrepared();
  }
  continueResponse(): void {
    this.stream.response.continueFrom(this.response);
  }
  get requestFlows(): boolean {
    return !this.stream.finished && !this.stream.requestAborted && this.request.iteration === "continue";
  }
  get responseFlows(): boolean {
    return !this.stream.finished && !this.stream.responseAborted && this.response.iteration === "continue";
  }
  get requestBuffer(): BodyBuffer | undefined {
    return this.stream.request.buffered;
  }
  get responseBuffer(): BodyBuffer | undefined {
    return this.stream.response.buffered;
  }
  addRequestData(data: BodyBuffer): void {
    this.stream.request.addData(this.request, data);
  }
  addResponseData(data: BodyBuffer): void {
    this.stream.response.addData(this.response, data);
  }
  addRequestTrailers(): HeaderMap {
    return (this.stream.request.trailers ??= new HeaderMap("requestTrailers"));
  }
  addResponseTrailers(): HeaderMap {
    return (this.stream.response.trailers ??= new HeaderMap("responseTrailers"));
  }
  sendLocalReply(reply: LocalReply): void {
    this.stream.sendLocalReply(reply);
  }
  sendLateReply(size: number): void {
    this.stream.sendLateReply(size);
  }
  resetStream(): void {
    this.stream.reset();
  }
  abandonStream(): void {
    this.stream.abandon();
  }
  clearRouteCache(): void {
    this.stream.ends.clearRouteCache?.();
  }
}
