import type { HttpStream } from "../http-stream.js";
import { grpcStatusOf, isGrpc } from "../local-reply.js";
import type { AccessEntry } from "./settings.js";
import type { EnvoyStream } from "./attributes.js";

/** The line of the access log about a stream that is over. */
export function accessEntry(http: HttpStream, info: EnvoyStream): AccessEntry {
  // of a reply that never left, the status that was asked for; of an answer, the one that came
  const status = http.responseStarted
    ? http.responseHeaders?.first(":status")
    : (http.replyStatus?.toString() ?? http.responseStatus);
  return {
    code: status !== undefined && isNumber(status) ? Number(status) : 0,
    details: http.responseCodeDetails,
    flags: String(info.flags),
    requestBytes: info.requestBytes,
    responseBytes: info.responseBytes,
    protocol: info.protocol,
    method: http.requestHeaders?.first(":method"),
    path: http.requestHeaders?.first(":path"),
    cluster: info.cluster && info.clusterName,
    route: info.routeName,
    grpcStatus: grpcStatusIn(http, status),
    filterState: info.filterState.all(),
  };
}

/** What the response says, or for a gRPC request what its HTTP status means. [R] */
function grpcStatusIn(http: HttpStream, status: string | undefined): string | undefined {
  const { responseTrailers, responseHeaders, requestHeaders } = http;
  if (!isGrpc(requestHeaders)) return undefined;
  const said = responseTrailers?.first("grpc-status") || responseHeaders?.first("grpc-status") || undefined;
  if (said !== undefined && !isNumber(said)) return "-1"; // [R] found by parity:fuzz
  if (said !== undefined || status === undefined) return said;
  return String(grpcStatusOf(Number(status)));
}

const isNumber = (text: string): boolean => /^\d+$/.test(text);
