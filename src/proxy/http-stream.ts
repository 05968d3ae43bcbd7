import type { Pair } from "../abi/pairs.js";
import { BodyBuffer } from "./body-buffer.js";
import type { Place, SideEnd } from "./chain-side.js";
import { ChainSide, place } from "./chain-side.js";
import { HeaderMap } from "./header-map.js";
import type { FilterHandle, HttpFilter, StreamView } from "./http-filter.js";
import type { LocalReply } from "./local-reply.js";
import { composeReply, isGrpc } from "./local-reply.js";

/** What a stream is connected to on both sides. */
export interface StreamEnds {
  /** Towards the upstream: the router. */
  readonly upstream: SideEnd;
  /** Towards the client. */
  readonly client: SideEnd;
  /** The stream was cut off in both directions. */
  reset(): void;
  /** The response is complete, or the stream was reset: nothing follows but log and destroy. */
  ended?(): void;
  /** A response that cannot leave as it is gets replaced by this reply. [E] checkRequiredResponseHeaders */
  checkResponse?(headers: HeaderMap): LocalReply | undefined;
  /** Headers that the route adds to local replies. */
  replyHeaders?(): readonly Pair[];
  /** The sender of requests or responses is to be slowed, or no longer. */
  watermark?(direction: "request" | "response", above: boolean): void;
  /** A filter wrote to the request headers, or asked for it: the route has to be matched again. */
  clearRouteCache?(): void;
}

export interface StreamOptions {
  /** Bytes that filters may hold. Default: no limit. */
  readonly requestBufferLimit?: number;
  readonly responseBufferLimit?: number;
  readonly forwardsAddedData?: boolean;
}

interface FilterEntry {
  readonly filter: HttpFilter;
  readonly request: Place;
  readonly response: Place;
}

/**
 * One HTTP stream through a chain of filters: a request on its way up, a response on its way down, and the rules for what
 * a filter can do to them. [E] FilterManager, with the parts of the connection manager that filters can see.
 */
export class HttpStream implements StreamView {
  readonly #ends: StreamEnds;
  readonly #entries: FilterEntry[] = [];
  readonly #request: ChainSide;
  readonly #response: ChainSide;
  responseCodeDetails: string | undefined;
  #isHead = false;
  #isGrpc = false;
  /** A reply made while a request callback ran; it is sent when the callback has returned. */
  #prepared: LocalReply | undefined;
  #requestAborted = false;
  #responseAborted = false;
  #headersSent = false;
  #responseComplete = false;
  /** Was the stream cut off? */
  wasReset = false;
  /** Log and destroy were called. */
  finished = false;

  constructor(filters: readonly HttpFilter[], ends: StreamEnds, options: StreamOptions = {}) {
    this.#ends = ends;
    const stream = this; // oxlint-disable-line no-this-alias -- the two owners are getters on it
    this.#request = new ChainSide(
      {
        get halted() {
          return stream.#requestAborted || stream.#responseComplete || stream.wasReset;
        },
        get mayContinue() {
          return !stream.#requestAborted && !stream.#responseComplete && !stream.wasReset;
        },
        overflow: () => this.#requestTooLarge(),
        watermark: (above) => ends.watermark?.("request", above),
      },
      ends.upstream,
    );
    this.#response = new ChainSide(
      {
        get halted() {
          return stream.#responseAborted || stream.wasReset;
        },
        get mayContinue() {
          return !stream.#responseAborted && !stream.#responseComplete && !stream.wasReset;
        },
        overflow: () => this.#responseTooLarge(),
        watermark: (above) => ends.watermark?.("response", above),
      },
      {
        headers: (headers, end) => this.#responseHeadersLeave(headers, end),
        data: (data, end) => this.#responseDataLeaves(data, end),
        trailers: (trailers) => {
          ends.client.trailers(trailers);
          this.#end();
        },
      },
    );
    this.#request.bufferLimit = options.requestBufferLimit ?? Infinity;
    this.#response.bufferLimit = options.responseBufferLimit ?? Infinity;
    this.#request.forwardsAddedData = this.#response.forwardsAddedData = options.forwardsAddedData ?? true;
    filters.forEach((filter, index) => this.#add(filter, index, filters.length));
  }

  get requestHeaders(): HeaderMap | undefined {
    return this.#request.headers;
  }
  get requestTrailers(): HeaderMap | undefined {
    return this.#request.trailers;
  }
  get responseHeaders(): HeaderMap | undefined {
    return this.#response.headers;
  }
  get responseTrailers(): HeaderMap | undefined {
    return this.#response.trailers;
  }
  /** Has the client sent everything? */
  get requestComplete(): boolean {
    return this.#request.complete;
  }
  /** Have response headers gone to the client? */
  get responseStarted(): boolean {
    return this.#headersSent;
  }
  get responseComplete(): boolean {
    return this.#responseComplete;
  }

  // ------------------------------------------------------------------------------------- from the client

  sendRequestHeaders(headers: HeaderMap, endOfStream: boolean): void {
    this.#isHead = headers.first(":method") === "HEAD";
    this.#isGrpc = isGrpc(headers);
    this.#request.headers = headers;
    this.#request.complete = endOfStream;
    this.#request.sendHeaders(headers, endOfStream);
    this.#sendPrepared();
  }

  sendRequestData(data: Uint8Array, endOfStream: boolean): void {
    if (this.finished) return;
    if (endOfStream) this.#request.complete = true;
    this.#request.sendData(new BodyBuffer(data), endOfStream);
    this.#sendPrepared();
  }

  sendRequestTrailers(trailers: HeaderMap): void {
    if (this.finished) return;
    this.#request.complete = true;
    this.#request.trailers = trailers;
    this.#request.sendTrailers(trailers);
    this.#sendPrepared();
  }

  // ------------------------------------------------------------------------------------- from the upstream

  sendResponseHeaders(headers: HeaderMap, endOfStream: boolean): void {
    if (this.finished || this.#response.headers !== undefined) return;
    this.#response.headers = headers;
    this.#response.complete = endOfStream;
    this.#response.sendHeaders(headers, endOfStream);
  }

  sendResponseData(data: Uint8Array, endOfStream: boolean): void {
    if (this.finished || this.#responseAborted) return;
    if (endOfStream) this.#response.complete = true;
    this.#response.sendData(new BodyBuffer(data), endOfStream);
  }

  sendResponseTrailers(trailers: HeaderMap): void {
    if (this.finished || this.#responseAborted) return;
    this.#response.complete = true;
    this.#response.trailers = trailers;
    this.#response.sendTrailers(trailers);
  }

  // ------------------------------------------------------------------------------------- cutting in

  /**
   * Answers in the upstream's place. Where the answer goes depends on how far the response is: through the chain while
   * there is none; straight to the client while its headers are still held; else the stream is reset. [E] sendLocalReply
   */
  sendLocalReply(reply: LocalReply): void {
    if (this.finished || this.wasReset) return;
    const inRequestCallback = !this.#request.idle;
    if (inRequestCallback) this.#requestAborted = true;
    else if (!this.#response.idle) this.#responseAborted = true;
    this.responseCodeDetails = reply.details;
    if (this.#response.headers === undefined) {
      this.#requestAborted = true;
      if (!inRequestCallback) this.#sendThroughChain(reply);
      else this.#prepared ??= reply; // the first wins, the details are the last one's
    } else if (!this.#headersSent) {
      this.#responseAborted = true;
      this.#sendDirect(reply);
    } else {
      this.reset();
    }
  }

  /** Cuts the stream off in both directions. */
  reset(): void {
    if (this.finished || this.wasReset) return;
    this.wasReset = true;
    this.#ends.reset();
    this.#finish();
  }

  /** Ends a stream that nobody will complete: log and destroy. */
  abandon(): void {
    if (this.finished) return;
    this.wasReset = true;
    this.#finish();
  }

  #sendPrepared(): void {
    const reply = this.#prepared;
    if (reply === undefined || this.finished) return;
    this.#prepared = undefined;
    this.#sendThroughChain(reply);
  }

  #sendThroughChain(reply: LocalReply): void {
    const { headers, body } = this.#compose(reply);
    const endOfStream = body.length === 0;
    this.#response.streaming = true;
    this.#response.headers = headers;
    this.#response.complete = endOfStream;
    this.#response.sendHeaders(headers, endOfStream);
    if (endOfStream || this.finished || this.#responseAborted) return;
    this.#response.complete = true;
    this.#response.sendData(new BodyBuffer(body), true);
  }

  #sendDirect(reply: LocalReply): void {
    const { headers, body } = this.#compose(reply);
    this.#response.headers = headers;
    this.#headersSent = true;
    this.#ends.client.headers(headers, body.length === 0);
    if (body.length > 0) this.#ends.client.data(new BodyBuffer(body), true);
    this.#end();
  }

  #compose(reply: LocalReply) {
    return composeReply(reply, { grpc: this.#isGrpc, head: this.#isHead }, this.#ends.replyHeaders?.());
  }

  // ------------------------------------------------------------------------------------- leaving

  #responseHeadersLeave(headers: HeaderMap, endOfStream: boolean): void {
    const refused = this.#ends.checkResponse?.(headers);
    if (refused !== undefined) return this.sendLocalReply(refused);
    this.#headersSent = true;
    this.#ends.client.headers(headers, endOfStream);
    if (endOfStream) this.#end();
  }

  #responseDataLeaves(data: BodyBuffer, endOfStream: boolean): void {
    this.#ends.client.data(data, endOfStream);
    if (endOfStream) this.#end();
  }

  #end(): void {
    this.#responseComplete = true;
    this.#finish();
  }

  #finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.#ends.ended?.();
    for (const { filter } of this.#entries) filter.log();
    for (const { filter } of this.#entries) filter.destroy();
  }

  #requestTooLarge(): void {
    this.sendLocalReply({
      status: 413,
      body: Buffer.from("Payload Too Large"),
      headers: [],
      details: "request_payload_too_large",
    });
  }

  #responseTooLarge(): void {
    this.sendLocalReply({
      status: 500,
      body: Buffer.from("Internal Server Error"),
      headers: [],
      details: "response_payload_too_large",
    });
  }

  // ------------------------------------------------------------------------------------- filters

  #add(filter: HttpFilter, index: number, count: number): void {
    const request = place(index, {
      headers: (headers, end) => filter.requestHeaders(headers, end),
      data: (data, end) => filter.requestData(data, end),
      trailers: (trailers) => filter.requestTrailers(trailers),
    });
    const response = place(count - 1 - index, {
      headers: (headers, end) => filter.responseHeaders(headers, end),
      data: (data, end) => filter.responseData(data, end),
      trailers: (trailers) => filter.responseTrailers(trailers),
    });
    this.#entries.push({ filter, request, response });
    this.#request.places.push(request);
    this.#response.places.unshift(response);
    filter.attach(this.#handle(request, response));
  }

  #handle(request: Place, response: Place): FilterHandle {
    const requestSide = this.#request;
    const responseSide = this.#response;
    return {
      stream: this,
      continueRequest: () => {
        requestSide.continueFrom(request);
        this.#sendPrepared();
      },
      continueResponse: () => {
        if (responseSide.headers !== undefined) responseSide.continueFrom(response);
      },
      get requestBuffer() {
        return requestSide.buffered;
      },
      get responseBuffer() {
        return responseSide.buffered;
      },
      addRequestData: (data) => requestSide.addData(request, data, false),
      addResponseData: (data) => responseSide.addData(response, data, false),
      addRequestTrailers: () => (requestSide.trailers ??= new HeaderMap("requestTrailers")),
      addResponseTrailers: () => (responseSide.trailers ??= new HeaderMap("responseTrailers")),
      sendLocalReply: (reply) => this.sendLocalReply(reply),
      resetStream: () => this.reset(),
      clearRouteCache: () => this.#ends.clearRouteCache?.(),
    };
  }
}
