import type { Clock, Timer } from "../../host/services/clock.js";
import { millisecondsToNs } from "../../host/services/clock.js";
import type { HeaderMap } from "../header-map.js";
import { concat, noBytes, utf8 } from "../../abi/bytes.js";
import { joinCookies } from "./cookies.js";
import { badRequestHeader } from "./header-check.js";
import { frameRequest } from "./http1-framing.js";
import type { Cluster, DownstreamStream, Host, HostEvents, HostStream, UpstreamReset } from "./peers.js";
import type { Profile } from "./profiles.js";
import type { ResponseFlag } from "./response-flags.js";

/** An answer that the router makes in the upstream's place. */
export interface RouterReply {
  readonly status: number;
  readonly body: Uint8Array;
  readonly details: string;
  readonly flag: ResponseFlag | undefined;
}

/** Who sends a request upstream: a stream of a client, or a plugin's call. */
export interface UpstreamOwner {
  /** The client's stream that it is for; undefined for a plugin's call. */
  readonly from?: DownstreamStream;
  /** It adds `x-envoy-upstream-service-time` itself, by `noteServiceTime`. */
  readonly addsServiceTime?: boolean;
  /** A host was chosen, and its connection is there or was refused. */
  connected?(host: Host): void;
  responseHeaders(headers: HeaderMap, endOfStream: boolean): void;
  responseData(bytes: Uint8Array, endOfStream: boolean): void;
  responseTrailers(trailers: HeaderMap): void;
  responseMetadata?(metadata: HeaderMap): void;
  /** There will be no answer from the upstream. */
  reply(reply: RouterReply): void;
  /** The upstream's answer ends in the middle. */
  cutOff(details: string, flag: ResponseFlag): void;
}

const resetFlags: Readonly<Record<UpstreamReset, ResponseFlag>> = {
  "remote connection failure": "UF",
  "connection termination": "UC",
  "remote reset": "UR",
  "protocol error": "UPE",
  overflow: "UO",
  "local reset": "LR",
};

interface EarlyParts {
  readonly pieces: Uint8Array[];
  ended: boolean;
  trailers: HeaderMap | undefined;
  metadata: HeaderMap[] | undefined;
}

/**
 * A request on its way to a cluster, with its timeout: Envoy's router. [E] router.cc
 *
 * The connection is there one turn of the clock after the headers came; what is sent before that waits.
 */
export class UpstreamRequest implements HostEvents {
  owner: UpstreamOwner;
  private readonly _clock: Clock;
  private readonly _cluster: Cluster;
  private readonly _timeoutMs: number;
  private readonly _profile: Profile;
  private _stream: HostStream | undefined = undefined;
  /** The host whose connection is awaited. */
  private _reserved: Host | undefined = undefined;
  /** What came before the connection was there: it is sent in one piece then. */
  private _early: EarlyParts | undefined = undefined;
  private _timer: Timer | undefined = undefined;
  private _sentNs = 0;
  /** The request was passed on whole. */
  private _complete = false;
  private _answered = false;
  private _over = false;

  constructor(owner: UpstreamOwner, clock: Clock, cluster: Cluster, timeoutMs: number, profile: Profile) {
    this._profile = profile;
    this.owner = owner;
    this._clock = clock;
    this._cluster = cluster;
    this._timeoutMs = timeoutMs;
  }

  /** Begins the request. The map stays the caller's: the codec gets a copy. */
  sendHeaders(headers: HeaderMap, endOfStream: boolean): void {
    const host = this._cluster.hosts[0];
    if (host === undefined) {
      return this._end({ status: 503, body: noHealthy, details: "no_healthy_upstream", flag: "UH" });
    }
    this._early = { pieces: [], ended: false, trailers: undefined, metadata: undefined };
    let ready = false;
    if (host.refuses !== true) {
      this._reserved = host;
      ready = host.reserve?.() === true;
    }
    // [R] found by parity:fuzz: over a connection that is there a request leaves at once
    if (ready) this._connect(host, headers, endOfStream, true);
    else this._clock.schedule(0, () => this._connect(host, headers, endOfStream, false));
    if (endOfStream) this._requestComplete();
  }

  sendData(bytes: Uint8Array, endOfStream: boolean): void {
    if (this._over) return;
    if (this._early === undefined) {
      this._stream?.data(bytes, endOfStream);
    } else {
      this._early.pieces.push(bytes);
      this._early.ended = endOfStream;
    }
    if (endOfStream) this._requestComplete();
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this._over) return;
    if (this._early === undefined) this._passTrailers(trailers);
    else this._early.trailers = trailers;
    this._requestComplete();
  }

  sendMetadata(metadata: HeaderMap): void {
    if (this._over || this._cluster.allowMetadata !== true) return;
    if (this._early === undefined) this._stream?.metadata?.(metadata);
    else (this._early.metadata ??= []).push(metadata);
  }

  /** Reads no further, or again. False: the host cannot be held. */
  pause(paused: boolean): boolean {
    if (this._stream?.pause === undefined) return false;
    this._stream.pause(paused);
    return true;
  }

  /** Nobody waits for the answer any more. */
  abandon(): void {
    if (this._over) {
      // [R] found by parity:fuzz: answered before it was whole, it costs its connection
      if (!this._complete && this._answered) this._stream?.reset();
      return;
    }
    this._finish();
    this._stream?.reset();
  }

  // ------------------------------------------------------------------------------------- from the host

  headers(headers: HeaderMap, endOfStream: boolean): void {
    if (this._over) return;
    const status = Number(headers.first(":status"));
    if (status >= 100 && status < 200 && status !== 101) return; // not passed on
    this._answered = true;
    if (this._cluster.protocol === "HTTP/2") joinCookies(headers);
    else if (!this._profile.passesKeepAlive && headers.first("keep-alive") !== undefined) headers.remove("keep-alive");
    if (this.owner.addsServiceTime !== true) this.noteServiceTime(headers);
    if (endOfStream) this._finish();
    this.owner.responseHeaders(headers, endOfStream);
  }

  /** Adds how long the host took to answer a complete request. */
  noteServiceTime(headers: HeaderMap): void {
    if (!this._complete || headers.first(":status") === "101") return;
    const ms = Math.floor((this._clock.elapsedNs - this._sentNs) / 1e6);
    headers.overwrite("x-envoy-upstream-service-time", String(ms));
  }

  data(bytes: Uint8Array, endOfStream: boolean): void {
    if (this._over) return;
    if (endOfStream) this._finish();
    this.owner.responseData(bytes, endOfStream);
  }

  metadata(metadata: HeaderMap): void {
    if (!this._over && this._cluster.allowMetadata === true) this.owner.responseMetadata?.(metadata);
  }

  trailers(trailers: HeaderMap): void {
    if (this._over) return;
    this._finish();
    if (this._cluster.protocol !== "HTTP/2" && this._cluster.enableTrailers !== true) {
      return this.owner.responseData(noBytes, true);
    }
    this.owner.responseTrailers(trailers);
  }

  reset(reason: UpstreamReset): void {
    if (this._over) return;
    this._finish();
    const word = reason.replaceAll(" ", "_");
    const flag = resetFlags[reason];
    if (this._answered) return this.owner.cutOff(`upstream_reset_after_response_started{${word}}`, flag);
    const refused = reason === "remote connection failure";
    const why = refused ? `${word}|delayed_connect_error:_Connection_refused` : word;
    const more =
      refused && this._profile.explainsRefusal
        ? ", transport failure reason: delayed connect error: Connection refused"
        : "";
    this.owner.reply({
      status: 503,
      body: utf8(`upstream connect error or disconnect/reset before headers. reset reason: ${reason}${more}`),
      details: `upstream_reset_before_response_started{${why}}`,
      flag,
    });
  }

  // -------------------------------------------------------------------------------------

  private _connect(host: Host, headers: HeaderMap, endOfStream: boolean, wasReady: boolean): void {
    if (this._over) return;
    this.owner.connected?.(host);
    if (host.refuses === true) return this.reset("remote connection failure");
    const refused = badRequestHeader(headers);
    if (refused !== undefined) {
      // [R] map_bad: what the codec would not write costs the connection in every release
      host.release?.(true);
      if (this._profile.reconnectsForUnsent && !wasReady) {
        host.reserve?.(); // [R] r006: the pool connects once more, for nobody
        host.release?.();
      }
      this._reserved = undefined;
      const details = `filter_removed_required_request_headers{${refused.replace(/[\t\n\v\f\r ]/g, "_")}}`;
      return this._end({ status: 503, body: Buffer.from(refused, "latin1"), details, flag: "DPE" });
    }
    const sent = headers.copy();
    if (this._cluster.protocol !== "HTTP/2") frameRequest(sent, endOfStream);
    this._reserved = undefined;
    this._stream = host.open(this, this.owner.from);
    this._stream.headers(sent, endOfStream);
    const { pieces, ended, trailers, metadata } = this._early!;
    this._early = undefined;
    for (const one of metadata ?? []) this._stream.metadata?.(one);
    if (pieces.length > 0) this._stream.data(pieces.length === 1 ? pieces[0]! : concat(pieces), ended);
    if (trailers !== undefined) this._passTrailers(trailers);
  }

  private _passTrailers(trailers: HeaderMap): void {
    if (this._cluster.protocol === "HTTP/2" || this._cluster.enableTrailers === true) this._stream?.trailers(trailers);
    else this._stream?.data(noBytes, true);
  }

  private _requestComplete(): void {
    if (this._complete || this._over) return;
    this._complete = true;
    this._sentNs = this._clock.elapsedNs;
    if (this._timeoutMs <= 0) return;
    this._timer = this._clock.schedule(millisecondsToNs(this._timeoutMs), () => {
      this._stream?.reset();
      this._finish();
      if (this._answered) this.owner.cutOff("response_timeout", "UT");
      else this.owner.reply({ status: 504, body: timedOut, details: "response_timeout", flag: "UT" });
    });
  }

  private _end(reply: RouterReply): void {
    this._finish();
    this.owner.reply(reply);
  }

  private _finish(): void {
    this._over = true;
    this._reserved?.release?.();
    this._reserved = undefined;
    this._timer?.cancel();
  }
}

const noHealthy = utf8("no healthy upstream");
const timedOut = utf8("upstream request timeout");
