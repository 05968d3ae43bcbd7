import type { ByteString } from "../abi/bytes.js";
import type { DataAction, HeadersAction, TrailersAction } from "./action.js";
import type { BodyBuffer } from "./body-buffer.js";
import type { HeaderMap } from "./header-map.js";
import type { LocalReply } from "./local-reply.js";

/** What a filter can ask of the stream that it is part of. Made by the stream, one for each filter. */
export interface FilterHandle {
  readonly stream: StreamView;
  /** Lets the request go on after this filter. Nothing happens where that is not possible. */
  continueRequest(): void;
  continueResponse(): void;
  /** Does the stream go on, and does this filter hold nothing of that direction? Then there is nothing to continue. */
  readonly requestFlows: boolean;
  readonly responseFlows: boolean;
  /** Bytes that are held for this stream, after a filter asked for buffering. */
  readonly requestBuffer: BodyBuffer | undefined;
  readonly responseBuffer: BodyBuffer | undefined;
  /** Puts bytes into the held ones. */
  addRequestData(data: BodyBuffer): void;
  addResponseData(data: BodyBuffer): void;
  /** New, empty trailers: only in the callback of the last part of a body. */
  addRequestTrailers(): HeaderMap;
  addResponseTrailers(): HeaderMap;
  sendLocalReply(reply: LocalReply): void;
  /** A reply on a stream that is over: nothing leaves. @param size Bytes of its body. */
  sendLateReply(size: number): void;
  resetStream(): void;
  /** Ends a stream that nobody will complete: log and destroy. */
  abandonStream(): void;
  clearRouteCache(): void;
}

/** What everybody may look at. */
export interface StreamView {
  readonly requestHeaders: HeaderMap | undefined;
  readonly requestTrailers: HeaderMap | undefined;
  readonly responseHeaders: HeaderMap | undefined;
  readonly responseTrailers: HeaderMap | undefined;
  /** Response code details, as access logs show them; undefined when nobody set them. */
  responseCodeDetails: string | undefined;
  /** `:status` as the response came, was made, or left; undefined before that. */
  readonly responseStatus: ByteString | undefined;
  /** A local reply is on its way to the client, and a filter holds it. */
  readonly replyHeld: boolean;
  /** Have response headers gone to the client? */
  readonly responseStarted: boolean;
  /** Is it being logged and destroyed, or was it? */
  readonly finished: boolean;
  /** Has the request come whole? */
  readonly requestComplete: boolean;
}

/**
 * One filter of a stream. The stream calls it, in the order of Envoy's filter manager, and it answers how to go on.
 * `request…` is Envoy's decode, `response…` its encode.
 */
export interface HttpFilter {
  attach(handle: FilterHandle): void;
  requestHeaders(headers: HeaderMap, endOfStream: boolean): HeadersAction;
  requestData(data: BodyBuffer, endOfStream: boolean): DataAction;
  requestTrailers(trailers: HeaderMap): TrailersAction;
  responseHeaders(headers: HeaderMap, endOfStream: boolean): HeadersAction;
  responseData(data: BodyBuffer, endOfStream: boolean): DataAction;
  responseTrailers(trailers: HeaderMap): TrailersAction;
  /** METADATA of HTTP/2: nothing can stop it. */
  requestMetadata?(metadata: HeaderMap): void;
  responseMetadata?(metadata: HeaderMap): void;
  /** The stream is complete. */
  log(): void;
  /** The stream is gone. */
  destroy(): void;
}
