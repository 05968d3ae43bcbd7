import type { DataAction, HeadersAction, TrailersAction } from "./action.js";
import type { BodyBuffer } from "./body-buffer.js";
import type { Place, SideEnd } from "./chain-side.js";
import { ChainSide } from "./chain-side.js";
import type { HeaderMap } from "./header-map.js";
import type { HttpFilter } from "./http-filter.js";
import type { LocalReply } from "./local-reply.js";
import type { HttpStream } from "./http-stream.js";

/** The way of a request through the filters of its stream, to the upstream. */
export class RequestSide extends ChainSide {
  private readonly stream: HttpStream;
  constructor(stream: HttpStream, places: readonly Place[]) {
    super(places);
    this.stream = stream;
  }
  protected override callHeaders(filter: HttpFilter, headers: HeaderMap, endOfStream: boolean): HeadersAction {
    return filter.requestHeaders(headers, endOfStream);
  }
  protected override callData(filter: HttpFilter, data: BodyBuffer, endOfStream: boolean): DataAction {
    return filter.requestData(data, endOfStream);
  }
  protected override callTrailers(filter: HttpFilter, trailers: HeaderMap): TrailersAction {
    return filter.requestTrailers(trailers);
  }
  protected override callMetadata(filter: HttpFilter, metadata: HeaderMap): void {
    filter.requestMetadata?.(metadata);
  }
  protected override get halted(): boolean {
    const { requestAborted, responseComplete, wasReset } = this.stream;
    return requestAborted || responseComplete || wasReset;
  }
  protected override get mayContinue(): boolean {
    return !this.halted;
  }
  protected override overflow(): void {
    this.stream.sendLocalReply(tooLarge(413, "Payload Too Large", "request_payload_too_large"));
  }
  protected override watermark(above: boolean): void {
    this.stream.ends.watermark?.("request", above);
  }
  protected override get end(): SideEnd {
    return this.stream.ends.upstream;
  }
  protected override get endsInFilter(): boolean {
    return true;
  }
  protected override get passesTrailersWhenStopped(): boolean {
    return true;
  }
}

/** The way of a response, through the same filters from the last to the first, to the client. */
export class ResponseSide extends ChainSide implements SideEnd {
  private readonly stream: HttpStream;
  private cutBefore = false;
  constructor(stream: HttpStream, places: readonly Place[]) {
    super(places);
    this.stream = stream;
  }
  protected override callHeaders(filter: HttpFilter, headers: HeaderMap, endOfStream: boolean): HeadersAction {
    return filter.responseHeaders(headers, endOfStream);
  }
  protected override callData(filter: HttpFilter, data: BodyBuffer, endOfStream: boolean): DataAction {
    return filter.responseData(data, endOfStream);
  }
  protected override callTrailers(filter: HttpFilter, trailers: HeaderMap): TrailersAction {
    return filter.responseTrailers(trailers);
  }
  protected override callMetadata(filter: HttpFilter, metadata: HeaderMap): void {
    filter.responseMetadata?.(metadata);
  }
  protected override get halted(): boolean {
    return this.stream.responseAborted || this.stream.isCut;
  }
  override sendHeaders(headers: HeaderMap, endOfStream: boolean, from?: Place): void {
    this.cutBefore = this.stream.wasReset;
    super.sendHeaders(headers, endOfStream, from);
  }
  /** [R] Not a reset that came before: the headers of a reply that was prepared for it are shown to every filter. */
  protected override get haltsHeaders(): boolean {
    return this.stream.responseAborted || (this.stream.isCut && !this.cutBefore);
  }
  protected override get haltsTrailers(): boolean {
    return this.stream.responseAborted;
  }
  protected override get refusesData(): boolean {
    return this.stream.isCut || (this.stream.responseAborted && !this.stream.replying);
  }
  protected override get mayContinue(): boolean {
    return !this.halted && !this.stream.responseComplete;
  }
  protected override overflow(): void {
    this.stream.sendLocalReply(tooLarge(500, "Internal Server Error", "response_payload_too_large"));
  }
  protected override watermark(above: boolean): void {
    this.stream.ends.watermark?.("response", above);
  }
  /** The chain ends at the stream itself, which looks at headers before they go to the client. */
  protected override get end(): SideEnd {
    return this;
  }
  protected override get endsInFilter(): boolean {
    return false;
  }
  protected override get passesTrailersWhenStopped(): boolean {
    return false;
  }
  acceptHeaders(headers: HeaderMap, endOfStream: boolean): void {
    this.stream.responseHeadersLeave(headers, endOfStream);
  }
  acceptData(data: BodyBuffer, endOfStream: boolean): void {
    this.stream.ends.client.acceptData(data, endOfStream);
    if (endOfStream) this.stream.responseLeft();
  }
  acceptTrailers(trailers: HeaderMap): void {
    if (this.stream.responseComplete || this.stream.wasReset) return this.stream.ends.trailersAfterEnd?.();
    this.stream.ends.client.acceptTrailers(trailers);
    this.stream.responseLeft();
  }
  acceptMetadata(metadata: HeaderMap): void {
    this.stream.ends.client.acceptMetadata?.(metadata);
  }
}

function tooLarge(status: number, body: string, details: string): LocalReply {
  return { status, body: Buffer.from(body), headers: [], details };
}
