import { noBytes } from "../../abi/bytes.js";
import type { BodyBuffer } from "../body-buffer.js";
import type { SideEnd } from "../chain-side.js";
import type { HeaderMap } from "../header-map.js";
import type { Host } from "./peers.js";
import type { ResponseFlag } from "./response-flags.js";
import type { ProxyStream } from "./proxy-stream.js";
import type { Route } from "./settings.js";
import type { LocalReply } from "../local-reply.js";
import type { ChainOwner } from "./upstream-chain.js";
import { UpstreamChain } from "./upstream-chain.js";
import type { RouterReply, UpstreamOwner } from "./upstream-request.js";
import { UpstreamRequest } from "./upstream-request.js";

/** Milliseconds a route gives the upstream, unless it says otherwise. */
const defaultTimeoutMs = 15_000;

const closedEarly = "upstream is closed prematurely during decoding data from downstream";

/** Hears nothing. */
const deaf: UpstreamOwner = {
  responseHeaders: () => undefined,
  responseData: () => undefined,
  responseTrailers: () => undefined,
  reply: () => undefined,
  cutOff: () => undefined,
};

/** The last filter of a chain: sends the request to the cluster of its route, and brings the answer back. [E] router.cc */
export class Router implements SideEnd, ChainOwner {
  private readonly _stream: ProxyStream;
  private _upstream: UpstreamRequest | UpstreamChain | undefined = undefined;
  private _unheard: (UpstreamRequest | UpstreamChain)[] | undefined = undefined;
  private _route: Route | undefined = undefined;
  private _isGone = false;
  /** What the upstream sent while the client's side was not to be given more. */
  private _held: (() => void)[] | undefined = undefined;

  constructor(stream: ProxyStream) {
    this._stream = stream;
  }

  get from(): ProxyStream {
    return this._stream;
  }

  // ------------------------------------------------------------------------------------- the request leaves the chain

  acceptHeaders(headers: HeaderMap, endOfStream: boolean): void {
    const stream = this._stream;
    const { settings } = stream.proxy;
    const route = (this._route = stream.route()?.route);
    if (route === undefined) return this._refuse(404, "", "route_not_found", "NR");
    if (route.directResponse !== undefined) {
      const { status, body = "" } = route.directResponse;
      return this._refuse(status, body, "direct_response");
    }
    const name = route.cluster ?? headers.first((route.clusterHeader ?? "").toLowerCase()) ?? "";
    const cluster = settings.clusters.get(name);
    if (cluster === undefined) return this._refuse(503, "", "cluster_not_found", "NC");
    const timeoutMs = route.timeoutMs ?? defaultTimeoutMs;
    if (timeoutMs > 0) headers.replace("x-envoy-expected-rq-timeout-ms", String(timeoutMs));
    for (const [key, value] of route.requestHeadersToAdd ?? []) headers.add(key.toLowerCase(), value);
    const { prefix } = route.match;
    if (route.prefixRewrite !== undefined && prefix !== undefined) {
      const path = headers.first(":path") ?? "";
      headers.overwrite(":path", route.prefixRewrite + path.slice(prefix.length));
      headers.replace("x-envoy-original-path", path);
    }
    if (!/^https?$/i.test(headers.first(":scheme") ?? "")) headers.replace(":scheme", "http"); // [E] setUpstreamScheme
    // [R] r023c: headers that come twice make a second request. Whole ones are answered in their order, and nobody listens to the second;
    // a body goes to the second, and the first is never answered. [R] continue_twice_body
    const before = this._upstream;
    const second = before instanceof UpstreamRequest && !endOfStream;
    const twice = before !== undefined && !second;
    if (second) {
      before.owner = deaf;
      (this._unheard ??= []).push(before);
    }
    const make = (owner: UpstreamOwner): UpstreamRequest =>
      new UpstreamRequest(owner, stream.proxy.clock, cluster, timeoutMs, stream.proxy.profile);
    const filters = twice ? [] : stream.proxy.upstreamFilters(stream.connection.worker, cluster.name, stream.info);
    const request =
      filters.length === 0 ? make(twice ? deaf : this) : new UpstreamChain(this, filters, cluster.hosts[0], make);
    if (twice) (this._unheard ??= []).push(request);
    else this._upstream = request;
    request.sendHeaders(headers, endOfStream);
  }

  acceptData(data: BodyBuffer, endOfStream: boolean): void {
    const bytes = data.whole();
    data.clear();
    // [R] continue_behind_reply
    if (this._isGone) return this._refuse(503, closedEarly, "upstream_reset_before_response_started");
    this._upstream?.sendData(bytes, endOfStream);
  }

  acceptTrailers(trailers: HeaderMap): void {
    this._upstream?.sendTrailers(trailers);
  }

  acceptMetadata(metadata: HeaderMap): void {
    this._upstream?.sendMetadata(metadata);
  }

  /** The stream is over. */
  end(): void {
    this._upstream?.abandon();
    for (const request of this._unheard ?? []) request.abandon();
  }

  /** A local reply is made, by whomever. [E] onLocalReply */
  answering(): void {
    this._isGone = this._upstream !== undefined;
    this.end();
  }

  /** The client's side is full, or has room again. */
  pause(paused: boolean): void {
    const isTaken = this._upstream?.pause(paused) === true; // the upstream itself stops sending
    if (paused) {
      if (!isTaken) this._held ??= [];
      return;
    }
    const held = this._held ?? [];
    this._held = undefined;
    for (const run of held) this._pass(run); // one may fill the client's side again: the rest waits then
  }

  // ------------------------------------------------------------------------------------- the answer

  connected(host: Host): void {
    const { info } = this._stream;
    info.upstream = {
      address: host.address,
      localAddress: host.refuses === true ? undefined : "127.0.0.1:40000",
      ...(host.refuses === true && { transportFailureReason: "delayed connect error: Connection refused" }),
      requestAttemptCount: 1,
      backendLatencyNs: undefined,
      host,
    };
  }

  responseHeaders(headers: HeaderMap, endOfStream: boolean): void {
    for (const [name, value] of this._route?.responseHeadersToAdd ?? []) headers.add(name.toLowerCase(), value);
    this._pass(() => {
      if (endOfStream) this._latency();
      this._stream.http.sendResponseHeaders(headers, endOfStream);
    });
  }

  responseData(bytes: Uint8Array, endOfStream: boolean): void {
    this._pass(() => {
      if (endOfStream) this._latency();
      this._stream.http.sendResponseData(bytes, endOfStream);
    });
  }

  responseTrailers(trailers: HeaderMap): void {
    this._pass(() => {
      this._latency();
      this._stream.http.sendResponseTrailers(trailers);
    });
  }

  responseMetadata(metadata: HeaderMap): void {
    this._pass(() => this._stream.http.sendResponseMetadata(metadata));
  }

  reply({ status, body, details, flag }: RouterReply): void {
    if (flag !== undefined) this._stream.info.flags.set(flag);
    this._stream.http.sendLocalReply({ status, body, headers: [], details });
    this._stream.settle();
  }

  replyOf(reply: LocalReply): void {
    this._stream.http.sendLocalReply(reply);
    this._stream.settle();
  }

  cut(): void {
    this._stream.http.reset();
    this._stream.settle();
  }

  cutOff(details: string, flag: ResponseFlag): void {
    this._stream.info.flags.set(flag);
    this._stream.http.responseCodeDetails = details;
    this._stream.http.reset();
    this._stream.settle();
  }

  private _refuse(status: number, body: string, details: string, flag?: ResponseFlag): void {
    if (flag !== undefined) this._stream.info.flags.set(flag);
    const bytes = body === "" ? noBytes : Buffer.from(body);
    this._stream.http.sendLocalReply({ status, body: bytes, headers: [], details });
  }

  private _latency(): void {
    const { upstream, sinceStartNs } = this._stream.info;
    if (upstream !== undefined) upstream.backendLatencyNs = sinceStartNs;
  }

  private _pass(run: () => void): void {
    if (this._held !== undefined) {
      this._held.push(run);
      return;
    }
    run();
    this._stream.settle();
  }
}
