import type { ByteString } from "../abi/bytes.js";
import { BodyBuffer } from "./body-buffer.js";
import type { ChainSide } from "./chain-side.js";
import { placesOf } from "./chain-side.js";
import { StreamHandle } from "./stream-handle.js";
import type { HeaderMap } from "./header-map.js";
import type { HttpFilter, StreamView } from "./http-filter.js";
import type { LocalReply } from "./local-reply.js";
import { composeReply, isGrpc } from "./local-reply.js";
import { RequestSide, ResponseSide } from "./http-sides.js";
import type { StreamEnds, StreamOptions } from "./stream-ends.js";

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
  /**
   * A local reply goes through the chain while the codec still reads: another one may overtake it, and the body of the first is shown to
   * the filters that it meets all the same; the stream ends afterwards. [E] encodeData, [R] found by parity:fuzz
   */
  replying = false;
  private readonly endsAfterRead: boolean;
  /** The codec is reading the request, part of which is on its way through the filters: what cuts in does not end the connection at once. [R] */
  reading = false;
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
      filters[i]!.attach(new StreamHandle(this, this.request.places[i]!, this.response.places[last - i]!));
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
    this.response.headers = headers;
    this.response.complete = endOfStream;
    this.replying = this.reading && this.endsAfterRead && this.request.complete; // else the rest of the request is refused at once
    this.response.sendHeaders(headers, endOfStream);
    if (
      !endOfStream &&
      (this.cutting || !(this.finished || this.wasReset)) &&
      (this.replying || !this.responseAborted)
    ) {
      this.response.complete = true;
      this.response.sendData(new BodyBuffer(body), true);
    }
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
    const isCut = (this.cutting = this.wasReset && !this.abandoned);
    this.ends.ended?.();
    if (this.logs) for (const filter of this.filters) filter.log();
    this.ends.logged?.();
    if (isCut) this.ends.streamReset();
    this.cutting = false;
    for (const filter of this.filters) filter.destroy();
    this.ends.gone?.();
  }
}

const defaults: StreamOptions = {};
