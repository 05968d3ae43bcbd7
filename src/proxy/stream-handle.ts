import type { BodyBuffer } from "./body-buffer.js";
import type { Place } from "./chain-side.js";
import { HeaderMap } from "./header-map.js";
import type { FilterHandle } from "./http-filter.js";
import type { HttpStream } from "./http-stream.js";
import type { LocalReply } from "./local-reply.js";

/** One filter's way to its stream. */
export class StreamHandle implements FilterHandle {
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
