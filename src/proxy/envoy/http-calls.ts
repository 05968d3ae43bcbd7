import { concat, noBytes } from "../../abi/bytes.js";
import { Status } from "../../abi/enums.js";
import type {
  Callout,
  Callouts,
  GrpcCall,
  GrpcEvents,
  HttpCall,
  HttpCallAnswer,
  Refusal,
} from "../../host/callouts.js";
import type { Clock } from "../../host/services/clock.js";
import { HeaderMap } from "../header-map.js";
import { routeCall } from "./call-headers.js";
import { grpcCall } from "./grpc-calls.js";
import type { Cluster } from "./peers.js";
import type { Profile } from "./profiles.js";
import type { RouterReply, UpstreamOwner } from "./upstream-request.js";
import { UpstreamRequest } from "./upstream-request.js";

/** Bytes of a response that a call may bring: beyond it the call fails. [E] */
const maxResponse = 32 * 1024 * 1024;

/** A call under way, for those who watch. */
export interface CallRecord {
  readonly cluster: string;
  readonly kind: "http" | "grpc" | "grpc-stream";
  /** As they go upstream. */
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  outcome: "pending" | "answered" | "failed" | "cancelled";
  status: number | undefined;
}

/** Calls of plugins go to the proxy's clusters, through a router of their own. [E] async_client_impl.cc */
export class ClusterCallouts implements Callouts {
  readonly calls: CallRecord[] = [];
  private readonly _clock: () => Clock;
  private readonly _clusters: ReadonlyMap<string, Cluster>;
  private readonly _profile: Profile;
  private readonly _localAddress: string;
  private readonly _onCrash: (why: string) => void;

  /** @param onCrash Is told of a call that ends a real Envoy. */
  constructor(
    clusters: ReadonlyMap<string, Cluster>,
    clock: () => Clock,
    profile: Profile,
    localAddress: string,
    onCrash: (why: string) => void,
  ) {
    this._profile = profile;
    this._localAddress = localAddress;
    this._clusters = clusters;
    this._clock = clock;
    this._onCrash = onCrash;
  }

  httpCall(call: HttpCall, answer: (answer: HttpCallAnswer | "reset") => void): Callout | Refusal {
    if (call.timeoutMs < 0) return { status: Status.BadArgument };
    const cluster = this._clusters.get(call.upstream);
    if (cluster === undefined) return { status: Status.BadArgument };
    const headers = new HeaderMap("request");
    headers.assign(call.headers);
    if ([":method", ":path", ":authority"].some((name) => !headers.has(name))) return { status: Status.BadArgument };
    if (cluster.hosts.length === 0) return { status: Status.InternalFailure, usesToken: true };
    if (call.body.length > 0) headers.overwrite("content-length", String(call.body.length));
    if (this._profile.callsForwardedFor) headers.add("x-forwarded-for", this._localAddress);
    routeCall(headers, call.timeoutMs);
    const record: CallRecord = {
      cluster: cluster.name,
      kind: "http",
      headers,
      body: call.body,
      outcome: "pending",
      status: undefined,
    };
    this.calls.push(record);
    const collector = new Collector(record, answer);
    const request = (collector.request = new UpstreamRequest(
      collector,
      this._clock(),
      cluster,
      call.timeoutMs,
      this._profile,
    ));
    const endsWithHeaders = call.body.length === 0;
    request.sendHeaders(headers, endsWithHeaders);
    if (!endsWithHeaders) request.sendData(call.body, true);
    return {
      cancel: () => {
        if (record.outcome === "pending") record.outcome = "cancelled";
        request.abandon();
      },
    };
  }

  grpcCall(call: GrpcCall, kind: "unary" | "stream", events: GrpcEvents): Callout | Refusal {
    return grpcCall(call, kind, events, {
      clusters: this._clusters,
      clock: this._clock(),
      profile: this._profile,
      onCrash: this._onCrash,
      note: (record) => this.calls.push(record),
    });
  }
}

/** Gathers an answer until it is whole. */
class Collector implements UpstreamOwner {
  request!: UpstreamRequest;
  private readonly _record: CallRecord;
  private readonly _answer: (answer: HttpCallAnswer | "reset") => void;
  private _headers: HeaderMap | undefined = undefined;
  private readonly _pieces: Uint8Array[] = [];
  private _size = 0;

  constructor(record: CallRecord, answer: (answer: HttpCallAnswer | "reset") => void) {
    this._record = record;
    this._answer = answer;
  }

  responseHeaders(headers: HeaderMap, endOfStream: boolean): void {
    this._headers = headers;
    this._record.status = Number(headers.first(":status"));
    if (endOfStream) this._done();
  }

  responseData(bytes: Uint8Array, endOfStream: boolean): void {
    this._size += bytes.length;
    if (this._size > maxResponse) {
      this.request.abandon();
      return this.cutOff();
    }
    this._pieces.push(bytes);
    if (endOfStream) this._done();
  }

  responseTrailers(trailers: HeaderMap): void {
    this._done(trailers);
  }

  reply({ status, body }: RouterReply): void {
    this._record.outcome = "answered";
    this._record.status = status;
    const headers = new HeaderMap("response", [
      [":status", String(status)],
      ["content-length", String(body.length)],
      ["content-type", "text/plain"],
    ]);
    this._answer({ headers, body });
  }

  cutOff(): void {
    this._record.outcome = "failed";
    this._answer("reset");
  }

  private _done(trailers?: HeaderMap): void {
    this._record.outcome = "answered";
    const body = this._pieces.length === 0 ? noBytes : concat(this._pieces);
    this._answer({ headers: this._headers!, body, ...(trailers && { trailers }) });
  }
}
