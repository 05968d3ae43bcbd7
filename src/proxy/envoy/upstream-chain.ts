import { noBytes } from "../../abi/bytes.js";
import type { BodyBuffer } from "../body-buffer.js";
import type { SideEnd } from "../chain-side.js";
import type { HeaderMap } from "../header-map.js";
import type { HttpFilter } from "../http-filter.js";
import type { StreamEnds } from "../stream-ends.js";
import { HttpStream } from "../http-stream.js";
import type { LocalReply } from "../local-reply.js";
import type { DownstreamStream, Host } from "./peers.js";
import type { ResponseFlag } from "./response-flags.js";
import type { RouterReply, UpstreamOwner } from "./upstream-request.js";
import { UpstreamRequest } from "./upstream-request.js";

/** Who is behind the chain: the router. */
export interface ChainOwner extends UpstreamOwner {
  readonly from: DownstreamStream;
  /** A filter of the upstream answers in its place. */
  replyOf(reply: LocalReply): void;
  /** A filter of the upstream cuts the stream off. */
  cut(): void;
}

/**
 * A request on its way through the filters of its cluster. [R] They run at once, while a connection is made; there is no on_log, and
 * what they answer goes down the client's chain. [E] upstream_request.cc, UpstreamFilterManager
 */
export class UpstreamChain implements UpstreamOwner, StreamEnds {
  readonly addsServiceTime = true;
  private readonly _owner: ChainOwner;
  private readonly _http: HttpStream;
  private readonly _request: (owner: UpstreamOwner) => UpstreamRequest;
  private readonly _host: Host | undefined;
  /** The connection that waits is one that was used before. */
  private _reused = false;
  private _inner: UpstreamRequest | undefined = undefined;
  private _over = false;

  /** @param request Makes the request that leaves the chain. */
  constructor(
    owner: ChainOwner,
    filters: readonly HttpFilter[],
    host: Host | undefined,
    request: (owner: UpstreamOwner) => UpstreamRequest,
  ) {
    this._owner = owner;
    this._host = host;
    this._request = request;
    this._http = new HttpStream(filters, this, { logs: false });
  }

  get from(): DownstreamStream {
    return this._owner.from;
  }

  // ------------------------------------------------------------------------------------- from the router

  sendHeaders(headers: HeaderMap, endOfStream: boolean): void {
    if (this._host !== undefined) {
      this._reused = this._host.reserve?.() === true;
      this._owner.connected?.(this._host);
    }
    this._http.sendRequestHeaders(headers, endOfStream);
  }

  sendData(bytes: Uint8Array, endOfStream: boolean): void {
    this._http.sendRequestData(bytes, endOfStream);
  }

  sendTrailers(trailers: HeaderMap): void {
    this._http.sendRequestTrailers(trailers);
  }

  sendMetadata(metadata: HeaderMap): void {
    this._http.sendRequestMetadata(metadata);
  }

  /** See `UpstreamRequest.pause`. */
  pause(paused: boolean): boolean {
    return this._inner?.pause(paused) === true;
  }

  /** Nobody waits for the answer any more. */
  abandon(): void {
    if (this._over) return;
    this._over = true;
    if (this._inner === undefined) this._host?.release?.(this._reused);
    this._inner?.abandon();
    this._http.abandon();
  }

  // ------------------------------------------------------------------------------------- both ends of the chain

  readonly upstream: SideEnd = {
    acceptHeaders: (headers, endOfStream) => {
      this._host?.release?.();
      this._inner = this._request(this);
      this._inner.sendHeaders(headers, endOfStream);
    },
    acceptData: (data, endOfStream) => this._inner?.sendData(taken(data), endOfStream),
    acceptTrailers: (trailers) => this._inner?.sendTrailers(trailers),
    acceptMetadata: (metadata) => this._inner?.sendMetadata(metadata),
  };

  readonly client: SideEnd = {
    acceptHeaders: (headers, endOfStream) => {
      this._inner?.noteServiceTime(headers);
      if (endOfStream) this._finish();
      this._owner.responseHeaders(headers, endOfStream);
    },
    acceptData: (data, endOfStream) => {
      const bytes = taken(data);
      if (endOfStream) this._finish();
      this._owner.responseData(bytes, endOfStream);
    },
    acceptTrailers: (trailers) => {
      this._finish();
      this._owner.responseTrailers(trailers);
    },
    acceptMetadata: (metadata) => this._owner.responseMetadata?.(metadata),
  };

  /** The filters are gone before the client's chain sees what they answered. [R] */
  takeReply(reply: LocalReply): void {
    this.abandon();
    this._owner.replyOf(reply);
  }

  streamReset(): void {
    if (this._over) return;
    this.abandon();
    this._owner.cut();
  }

  // ------------------------------------------------------------------------------------- from the host

  responseHeaders(headers: HeaderMap, endOfStream: boolean): void {
    this._http.sendResponseHeaders(headers, endOfStream);
  }

  responseData(bytes: Uint8Array, endOfStream: boolean): void {
    this._http.sendResponseData(bytes, endOfStream);
  }

  responseTrailers(trailers: HeaderMap): void {
    this._http.sendResponseTrailers(trailers);
  }

  responseMetadata(metadata: HeaderMap): void {
    this._http.sendResponseMetadata(metadata);
  }

  reply(reply: RouterReply): void {
    this.abandon();
    this._owner.reply(reply);
  }

  cutOff(details: string, flag: ResponseFlag): void {
    this.abandon();
    this._owner.cutOff(details, flag);
  }

  private _finish(): void {
    this._over = true;
    this._http.finish();
  }
}

function taken(data: BodyBuffer): Uint8Array {
  const bytes = data.size === 0 ? noBytes : data.whole();
  data.clear();
  return bytes;
}
