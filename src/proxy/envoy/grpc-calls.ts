import type { ByteString } from "../../abi/bytes.js";
import { bufferOf, bytesOf, lowerAscii, noBytes } from "../../abi/bytes.js";
import { Status } from "../../abi/enums.js";
import type { Callout, GrpcCall, GrpcEvents, Refusal } from "../../host/callouts.js";
import type { Clock } from "../../host/services/clock.js";
import { HeaderMap } from "../header-map.js";
import { composeReply, grpcStatusOf } from "../local-reply.js";
import { MessageReader, frameMessage } from "./grpc-messages.js";
import { routeCall } from "./call-headers.js";
import type { GrpcService } from "./grpc-target.js";
import { grpcTarget } from "./grpc-target.js";
import type { CallRecord } from "./http-calls.js";
import type { Cluster } from "./peers.js";
import type { Profile } from "./profiles.js";
import type { RouterReply, UpstreamOwner } from "./upstream-request.js";
import { UpstreamRequest } from "./upstream-request.js";

export interface GrpcScope {
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly clock: Clock;
  readonly profile: Profile;
  readonly onCrash: (why: string) => void;
  readonly note: (record: CallRecord) => void;
}

type Kind = "unary" | "stream";

/** A gRPC call or stream of a plugin, to one of the proxy's clusters. [E] Grpc::AsyncClientImpl */
export function grpcCall(call: GrpcCall, kind: Kind, events: GrpcEvents, scope: GrpcScope): Callout | Refusal {
  const target = grpcTarget(call.upstream);
  if (target.kind === "crash") {
    const hostcall = kind === "unary" ? "proxy_grpc_call" : "proxy_grpc_stream";
    scope.onCrash(
      `${hostcall} to "${call.upstream}": the target reads as a GrpcService without a service (panic: unset oneof)`,
    );
    return { status: Status.InternalFailure };
  }
  const service = target.kind === "service" ? target : undefined;
  if (service?.google) return { status: Status.InternalFailure }; // it leaves the proxy: there is nothing to play it to
  const cluster = scope.clusters.get(target.upstream);
  if (target.kind === "name" && !scope.profile.grpcClusterNames) return { status: Status.ParseFailure };
  if (cluster === undefined) {
    if (target.kind === "name") return { status: Status.ParseFailure };
    events.close(14, "Cluster not available");
    return { status: Status.InternalFailure, usesToken: true, eventsFollow: true };
  }
  if (kind === "stream" && cluster.hosts.length === 0) {
    scope.onCrash(
      `proxy_grpc_stream to "${cluster.name}", which has no healthy host: the thread of a real Envoy never returns from it`,
    );
    return { status: Status.InternalFailure };
  }
  const timeoutMs = call.timeoutMs ?? 0;
  const headers = requestHeaders(call, cluster, kind, service);
  const record: CallRecord = {
    cluster: cluster.name,
    kind: kind === "unary" ? "grpc" : "grpc-stream",
    headers,
    body: call.message ?? noBytes,
    outcome: "pending",
    status: undefined,
  };
  scope.note(record);
  const exchange = new Exchange(record, kind, events);
  const request = (exchange.request = new UpstreamRequest(exchange, scope.clock, cluster, timeoutMs, scope.profile));
  request.sendHeaders(headers, false);
  if (exchange.over) return { status: Status.InternalFailure, usesToken: true, eventsFollow: true };
  if (kind === "unary") exchange.send(call.message ?? noBytes, true);
  return {
    cancel: () => exchange.cancel(),
    send: (message, endOfStream) => exchange.send(message, endOfStream),
    closeLocal: () => exchange.closeLocal(),
  };
}

/** [E] Grpc::Common::prepareHeaders, then the metadata, then what the call's own router adds */
function requestHeaders(call: GrpcCall, cluster: Cluster, kind: Kind, service: GrpcService | undefined): HeaderMap {
  const timeoutMs = call.timeoutMs ?? 0;
  const headers = new HeaderMap("request", [
    [":method", "POST"],
    [":path", `/${call.service}/${call.method}`],
    [":authority", service?.authority ?? cluster.name],
    ["te", "trailers"],
  ]);
  if (kind === "unary") headers.add("grpc-timeout", grpcTimeout(timeoutMs));
  headers.add("content-type", "application/grpc");
  for (const [name, value] of service?.metadata ?? []) headers.add(lowerAscii(name), value);
  const metadata = new HeaderMap("request");
  metadata.assign(call.metadata);
  for (const [name, value] of metadata) headers.add(name, value);
  // [R] of a binary name the first value alone is kept, behind the others
  const binary = new Map(headers.pairs().toReversed());
  for (const [name] of headers) {
    const value = name.endsWith("-bin") ? binary.get(name) : undefined;
    if (value === undefined) continue;
    binary.delete(name);
    headers.replace(name, base64(value));
  }
  routeCall(headers, timeoutMs);
  return headers;
}

function base64(value: ByteString): string {
  const bytes = bytesOf(value);
  return bufferOf(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** The largest number that `grpc-timeout` may have. */
const maxTimeout = 99_999_999;

/** Milliseconds, or seconds, minutes, hours when they are too many. [E] Grpc::Common::toGrpcTimeout */
function grpcTimeout(ms: number): string {
  if (ms <= maxTimeout) return `${ms}m`;
  return `${Math.floor(ms / 1000)}S`; // 32 bits of milliseconds are never too many seconds
}

/** Makes of an answer what the guest is told. [E] AsyncStreamImpl, AsyncRequestImpl */
class Exchange implements UpstreamOwner {
  request!: UpstreamRequest;
  /** No event comes any more. */
  over = false;
  private readonly _record: CallRecord;
  private readonly _unary: boolean;
  private readonly _events: GrpcEvents;
  private readonly _reader = new MessageReader();
  private _answer: Uint8Array | undefined = undefined;
  private _ended = false;
  private _details = "via_upstream";

  constructor(record: CallRecord, kind: Kind, events: GrpcEvents) {
    this._record = record;
    this._unary = kind === "unary";
    this._events = events;
  }

  // ------------------------------------------------------------------------------------- from the guest

  send(message: Uint8Array, endOfStream: boolean): void {
    if (this._ended || this.over) return;
    this._ended = endOfStream;
    this.request.sendData(frameMessage(message), endOfStream);
  }

  closeLocal(): void {
    if (this._ended || this.over) return;
    this._ended = true;
    this.request.sendData(noBytes, true);
  }

  cancel(): void {
    if (this.over) return;
    this._finish("cancelled");
    this.request.abandon();
  }

  // ------------------------------------------------------------------------------------- from the upstream

  responseHeaders(headers: HeaderMap, endOfStream: boolean): void {
    const status = Number(headers.first(":status"));
    if (!this._unary) this._events.initialMetadata(endOfStream || status !== 200 ? none : headers);
    if (endOfStream && (status === 200 || statusIn(headers) !== undefined)) {
      this.responseTrailers(new HeaderMap("responseTrailers", headers));
    } else if (status !== 200) {
      this._fail(grpcStatusOf(status));
    }
  }

  responseData(bytes: Uint8Array, endOfStream: boolean): void {
    const { messages, broken } = this._reader.read(bytes);
    for (const message of messages) {
      if (this._unary) this._answer = message;
      else this._events.message(message);
      if (this.over) return; // cancelled
    }
    if (broken) this._fail(13);
    else if (endOfStream) this._fail(2);
  }

  responseTrailers(trailers: HeaderMap): void {
    if (!this._unary) this._events.trailingMetadata(trailers);
    if (this.over) return;
    this._close(statusIn(trailers) ?? 2, trailers.first("grpc-message") ?? "");
    this.request.abandon();
  }

  reply({ status, body, details }: RouterReply): void {
    this._details = details;
    const reply = composeReply({ status, body, headers: [], details }, { grpc: true, head: false });
    this.responseHeaders(reply.headers, true);
  }

  cutOff(details: string): void {
    this._details = details;
    this._fail(13);
  }

  // -------------------------------------------------------------------------------------

  /** The answer is no good gRPC: what still comes of it is not wanted. */
  private _fail(status: number): void {
    if (!this._unary) this._events.trailingMetadata(none);
    if (this.over) return;
    this._close(status, "");
    this.request.abandon();
  }

  private _close(status: number, message: ByteString): void {
    this._record.status = status;
    this._finish(status === 0 ? "answered" : "failed");
    if (this._unary && status === 0) {
      if (this._answer === undefined) this._events.close(13, "");
      else this._events.succeed(this._answer);
      return;
    }
    this._events.close(status, message === "" ? this._details : `${message}{${this._details}}`);
  }

  private _finish(outcome: CallRecord["outcome"]): void {
    this.over = true;
    this._record.outcome = outcome;
  }
}

/** UNAUTHENTICATED, the last one there is. */
const maxStatus = 16;

const none = new HeaderMap("responseTrailers");

/** The value of `grpc-status` as a number; undefined without one. */
function statusIn(headers: HeaderMap): number | undefined {
  const text = headers.first("grpc-status");
  if (text === undefined || text === "") return undefined;
  return /^\s*\+?\d+\s*$/.test(text) && Number(text) <= maxStatus ? Number(text) : -1; // [R] also for one that is unknown
}
