import { noBytes, utf8 } from "../../abi/bytes.js";
import type { Pair } from "../../abi/pairs.js";
import type { Timer } from "../../host/services/clock.js";
import { millisecondsToNs } from "../../host/services/clock.js";
import type { BodyBuffer } from "../body-buffer.js";
import type { SideEnd } from "../chain-side.js";
import { HeaderMap } from "../header-map.js";
import type { StreamEnds } from "../stream-ends.js";
import { HttpStream } from "../http-stream.js";
import type { LocalReply } from "../local-reply.js";
import { logStream } from "../plugin-logger.js";
import { EnvoyStream } from "./attributes.js";
import { crashText } from "../moves.js";
import type { Connection } from "./connection.js";
import { joinCookies } from "./cookies.js";
import { frameResponse } from "./http1-framing.js";
import type { Client, DownstreamStream } from "./peers.js";
import type { StreamHome } from "./stream-home.js";
import type { AccessEntry } from "./settings.js";
import { finishResponse, isUpgrade, normaliseRequest } from "./request-headers.js";
import type { ResponseFlag } from "./response-flags.js";
import { responseFlags } from "./response-flags.js";
import type { RouteChoice } from "./routes.js";
import { chooseRoute } from "./routes.js";
import { Router } from "./router.js";
import { accessEntry } from "./access-entry.js";
import { grouped } from "./grouped-headers.js";
import { idleReply, mappedReply, responseRefusal } from "./proxy-replies.js";

/** One request of a client and its answer, as the connection manager sees it. [E] conn_manager_impl.cc ActiveStream */
export class ProxyStream implements DownstreamStream, StreamEnds, SideEnd {
  readonly proxy: StreamHome;
  readonly connection: Connection;
  readonly info: EnvoyStream;
  readonly upstream: Router;
  http!: HttpStream;
  private readonly _client: Client;
  private _begun = false;
  private _isHead = false;
  private _upgrade = false;
  private _http10 = false;
  /** The connection ends with this response (HTTP/1). */
  private _closes = false;
  private _access: AccessEntry | undefined = undefined;
  private _choice: RouteChoice | undefined = undefined;
  private _routeKnown = false;
  private _idleTimer: Timer | undefined = undefined;
  private _activeNs = 0;
  /** What the client sent while nothing more was to be read. */
  private _unread: (() => void)[] | undefined = undefined;

  private readonly _ended: ((access: AccessEntry) => void) | undefined;

  constructor(connection: Connection, client: Client, ended?: (access: AccessEntry) => void) {
    this._ended = ended;
    this.connection = connection;
    this.proxy = connection.proxy;
    this._client = client;
    const { clock, settings } = this.proxy;
    this.info = new EnvoyStream(clock, connection.id, settings.properties, connection.facts, connection.filterState);
    this.info.proxy = this.proxy.info;
    this.upstream = new Router(this);
  }

  // ------------------------------------------------------------------------------------- from the client

  headers(headers: HeaderMap, endOfStream: boolean): void {
    const { listener } = this.proxy.settings;
    const { protocol } = this.connection;
    this._begun = true;
    this._isHead = headers.first(":method") === "HEAD";
    this._upgrade = isUpgrade(headers, listener.upgrades);
    this._http10 = protocol === "HTTP/1.0";
    if (protocol !== "HTTP/2") {
      const connection = headers.first("connection") ?? "";
      this._closes = this._http10 ? !/keep-alive/i.test(connection) : /(^|,)\s*close\s*(,|$)/i.test(connection);
    } else {
      joinCookies(headers);
    }
    if (/^100-continue$/i.test(headers.first("expect") ?? "")) {
      headers.remove("expect");
      this._client.informational(new HeaderMap("response", [[":status", "100"]]));
    }
    const refused = this._refusal(headers);
    if (refused === undefined) {
      normaliseRequest(headers, this.connection, listener, this.proxy);
      this._matchRoute(headers);
    }
    const http = (this.http = this._makeChain());
    if (refused !== undefined) {
      http.refuseRequest(headers, endOfStream, refused);
      return this.settle();
    }
    http.sendRequestHeaders(headers, endOfStream);
    this.settle();
  }

  data(bytes: Uint8Array, endOfStream: boolean): void {
    if (this._unread !== undefined) {
      this._unread.push(() => this.data(bytes, endOfStream));
      return;
    }
    if (this.http.finished) return;
    this.info.requestBytes += bytes.length;
    this.http.sendRequestData(bytes, endOfStream);
    this.settle();
  }

  trailers(trailers: HeaderMap): void {
    if (this._unread !== undefined) {
      this._unread.push(() => this.trailers(trailers));
      return;
    }
    if (this.http.finished) return;
    const passed = this.connection.protocol === "HTTP/2" || this.proxy.settings.listener.enableTrailers;
    if (passed) {
      this.http.sendRequestTrailers(trailers);
      // [R] rx_dropped: the buffer of a body that a filter dropped is the codec's: what is written there later, HTTP/1 takes for received
      if (this.connection.protocol !== "HTTP/2") this.info.requestBytes += this.http.request.dropped?.size ?? 0;
    } else this.http.sendRequestData(noBytes, true);
    this.settle();
  }

  metadata(metadata: HeaderMap): void {
    if (this.proxy.settings.listener.allowMetadata !== true) return;
    if (this._unread !== undefined) {
      this._unread.push(() => this.metadata(metadata));
      return;
    }
    this.http.sendRequestMetadata(metadata);
    this.settle();
  }

  /** The client resets the stream, which on HTTP/1 ends the connection. */
  reset(): void {
    if (this.connection.protocol === "HTTP/2") this._abandon("http2.remote_reset", "DR");
    else this.disconnected();
  }

  /** The client's connection ended. */
  disconnected(): void {
    this._abandon("downstream_remote_disconnect", "DC");
  }

  private _abandon(details: string, flag: ResponseFlag): void {
    if (!this._begun || this.http.finished) return;
    this.info.flags.set(flag);
    this.http.responseCodeDetails = details;
    this.http.abandon();
  }

  codecError(details: string): void {
    if (this._begun && this.http.finished) return;
    this.info.flags.set("DPE");
    if (this.connection.protocol === "HTTP/2") {
      // the connection is gone with it: no filter learns of what never was a request
      if (!this._begun) this.http = new HttpStream([], this);
      this._begun = true;
      this.http.responseCodeDetails = details;
      return this.http.abandon();
    }
    const reply = { status: 400, body: utf8("Bad Request"), headers: [], details };
    this._closes = true;
    if (this._begun) {
      this.http.sendLocalReply(reply);
    } else {
      this._begun = true;
      this.http = this._makeChain();
      this.http.refuseRequest(undefined, false, reply);
    }
    this.settle();
  }

  /** The listener refuses the request before any filter. */
  private _refusal(headers: HeaderMap): LocalReply | undefined {
    const { listener } = this.proxy.settings;
    const plain = (status: number, details: string): LocalReply => ({ status, body: noBytes, headers: [], details });
    if (this._http10 && !listener.acceptHttp10) return plain(426, "low_version");
    if (headers.count > listener.maxHeaders) return plain(431, "too_many_headers");
    if (headers.first(":authority") === undefined && !this._http10) return plain(400, "missing_host_header");
    return (headers.first(":path") ?? "").includes("#") ? plain(400, "path_normalization_failed") : undefined;
  }

  private _makeChain(): HttpStream {
    const { listener } = this.proxy.settings;
    const http2 = this.connection.protocol === "HTTP/2";
    return new HttpStream(this.proxy.filters(this.connection.worker, this.info), this, {
      requestBufferLimit: http2 ? http2Window : listener.bufferLimit,
      responseBufferLimit: http2 ? http2Window : listener.bufferLimit,
      forwardsAddedData: this.proxy.profile.forwardsAddedData,
      endsAfterRead: http2,
    });
  }

  // ------------------------------------------------------------------------------------- for the filter chain

  get client(): SideEnd {
    return this;
  }

  /** The response leaves the chain. */
  acceptHeaders(headers: HeaderMap, endOfStream: boolean): void {
    const { connection, proxy } = this;
    const upgraded = this._upgrade && headers.first(":status") === "101";
    finishResponse(headers, proxy.date, upgraded);
    const { requestHeaders } = this.http;
    if (requestHeaders?.first("x-envoy-force-trace") !== undefined) {
      headers.replace("x-request-id", requestHeaders.first("x-request-id") ?? "");
    }
    if (connection.protocol === "HTTP/2") {
      this._client.headers(proxy.profile.groupsFields ? grouped(headers) : headers.copy(), endOfStream);
      return;
    }
    if (!this.http.request.complete && !upgraded) this._closes = true;
    if (this._closes) headers.replace("connection", "close");
    const sent = headers.copy();
    if (!upgraded) frameResponse(sent, endOfStream, this._isHead, this._http10);
    this._client.headers(sent, endOfStream);
  }

  acceptData(data: BodyBuffer, endOfStream: boolean): void {
    const bytes = data.whole();
    data.clear();
    this.info.responseBytes += bytes.length;
    this._client.data(bytes, endOfStream);
  }

  acceptTrailers(trailers: HeaderMap): void {
    const passed = this.connection.protocol === "HTTP/2" || this.proxy.settings.listener.enableTrailers;
    if (passed) this._client.trailers(trailers);
    else this._client.data(noBytes, true);
  }

  acceptMetadata(metadata: HeaderMap): void {
    if (this.proxy.settings.listener.allowMetadata === true) this._client.metadata?.(metadata);
  }

  streamReset(): void {
    const { resetCode } = this.proxy.profile;
    const isHttp2 = this.connection.protocol === "HTTP/2";
    // [R] held_400: the connection ends at once, as after any 400
    if (this.http.asked400 && !isHttp2) this._client.closing?.(!this.http.reading);
    // [R] close_then_reply_resp: the client has its answer; only releases that say NO_ERROR still say it
    else if (this.http.repliedDirectly) {
      if (isHttp2 && resetCode === 0) this._client.reset(0);
    } else if (this.http.responseComplete) {
      if (isHttp2 && !this.http.request.complete) this._client.reset(0); // [R] continue_close_reply
    } else this._client.reset(resetCode === 0 ? 0 : this._codeOr(resetCode));
  }

  answering(): void {
    this.upstream.answering();
  }

  /** With which code HTTP/2 resets the stream: [E] doEndStream */
  private _codeOr(code: number): number {
    return (this.info.flags.bits & responseFlags.DPE) === 0 ? code : protocolError;
  }

  /** [R] close_then_reply_empty: the codec completes a stream that it has given up. */
  repliedAfterReset(): void {
    if (this.connection.protocol === "HTTP/2") return;
    this._noteCrash("proxy_send_local_response without a body, with proxy_close_stream");
  }

  /** [R] trailers_after_end: over HTTP/2 those of a stream that was reset are dropped. */
  trailersAfterEnd(): void {
    const { dropsLateTrailers } = this.proxy.profile;
    if (this.http.wasReset && this.connection.protocol === "HTTP/2" && dropsLateTrailers) return;
    this._noteCrash("proxy_on_response_trailers returned Continue on a stream that it had ended");
  }

  private _noteCrash(what: string): void {
    this.connection.worker.onDiagnostic("WOULD_CRASH_ENVOY", crashText(what));
  }

  ended(): void {
    this._idleTimer?.cancel();
    this.info.end();
    this.upstream.end();
    this._unread = undefined;
    this.connection.forget(this);
    const { http } = this;
    if (!http.wasReset) {
      if (this.connection.protocol === "HTTP/2" && !http.request.complete) {
        this._client.reset(this._codeOr(0));
      } else if (this._closes) {
        this._client.closing?.(http.repliedDirectly && !http.reading && http.asked400);
      }
    }
  }

  logged(): void {
    this._access = accessEntry(this.http, this.info);
    this.proxy.accessLog.push(this._access);
    for (const handle of this.proxy.loggers(this.connection.worker)) {
      const root = handle.get();
      if (typeof root !== "string") logStream(root, this.http, this.info);
    }
  }

  gone(): void {
    this._ended?.(this._access!);
  }

  checkResponse(headers: HeaderMap): LocalReply | undefined {
    return responseRefusal(headers);
  }

  replyHeaders(): readonly Pair[] {
    const { route, virtualHost } = this.route() ?? {};
    if (route === undefined) return [];
    return [...(route.responseHeadersToAdd ?? []), ...(virtualHost?.responseHeadersToAdd ?? [])];
  }

  mapReply(reply: LocalReply): LocalReply {
    if (reply.status === 400 && this.connection.protocol !== "HTTP/2") this._closes = true; // [R]
    return mappedReply(reply, this.proxy.settings.listener.localReplyMappers);
  }

  watermark(direction: "request" | "response", above: boolean): void {
    if (direction === "response") return this.upstream.pause(above);
    if (this._client.pause !== undefined) {
      this._client.pause(above); // its codec reads no further; what it had read comes even so
      return;
    }
    if (above) {
      this._unread ??= [];
      return;
    }
    this.proxy.clock.schedule(0, () => {
      const unread = this._unread ?? [];
      this._unread = undefined;
      for (const run of unread) run(); // each puts itself back when reading stops again
    });
  }

  clearRouteCache(): void {
    if (this.http.responseStarted) {
      // [E] prohibit_route_refresh_after_response_headers_sent
      return this.proxy.bug(
        this.connection.worker,
        "!route_cache_blocked_. Details: Should never try to refresh or clear the route cache when it is blocked!",
      );
    }
    this._routeKnown = false;
  }

  // ------------------------------------------------------------------------------------- routes and time

  /** The route of the request as it is now. Names in properties change here, not when the cache is cleared. [R] */
  route(): RouteChoice | undefined {
    const { requestHeaders } = this.http;
    if (!this._routeKnown && requestHeaders !== undefined) this._matchRoute(requestHeaders);
    return this._choice;
  }

  private _matchRoute(headers: HeaderMap): void {
    this._routeKnown = true;
    const choice = (this._choice = chooseRoute(this.proxy.settings.virtualHosts, headers));
    const { info } = this;
    info.virtualHost = choice?.virtualHost;
    info.route = choice?.route;
    info.routeName = choice?.route && (choice.route.name ?? "");
    info.clusterName =
      choice?.route?.cluster ??
      (choice?.route?.clusterHeader && headers.first(choice.route.clusterHeader.toLowerCase()));
  }

  /** After every event: the stream was active, and waits from now on. */
  settle(): void {
    if (this.http.finished) return;
    const { clock, settings } = this.proxy;
    const limitMs = settings.listener.streamIdleTimeoutMs;
    if (limitMs <= 0) return;
    this._activeNs = clock.elapsedNs;
    this._idleTimer ??= clock.schedule(millisecondsToNs(limitMs), () => this._idle(millisecondsToNs(limitMs)));
  }

  private _idle(limitNs: number): void {
    this._idleTimer = undefined;
    if (this.http.finished) return;
    const { clock } = this.proxy;
    const left = this._activeNs + limitNs - clock.elapsedNs;
    if (left > 0) {
      this._idleTimer = clock.schedule(left, () => this._idle(limitNs));
      return;
    }
    this.info.flags.set("SI");
    this.http.sendLocalReply(idleReply(this.http.request.complete));
    this.settle(); // a filter may hold the reply: the next time-out ends that too
  }
}

/** Code of RST_STREAM behind the answer to a request that breaks the rules. [R] found by parity:fuzz */
const protocolError = 1;

/** What an HTTP/2 stream may hold: its window, not the connection's buffer limit. [R] */
const http2Window = 16 * 1024 * 1024;
