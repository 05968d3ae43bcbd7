import type { ByteString } from "../abi/bytes.js";
import { byteString, noBytes } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { HeaderMap } from "./header-map.js";

/** An answer made by the proxy in the upstream's place. */
export interface LocalReply {
  readonly status: number;
  readonly body: Uint8Array;
  /** Added in this order. A `:status` among them is ignored. */
  readonly headers: readonly Pair[];
  /** 0 to 16; anything else means not given. Only for gRPC requests. */
  readonly grpcStatus?: number;
  readonly details: string;
}

/** Headers and body as they enter the response chain. */
export interface ReplyMessage {
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
}

/** gRPC is `application/grpc` or `application/grpc+…`; `application/grpc-web` is not. [E] */
export function isGrpc(headers: HeaderMap | undefined): boolean {
  if (headers?.first(":path") === undefined) return false; // [R] found by parity:fuzz
  const type = headers.first("content-type");
  return type === "application/grpc" || (type?.startsWith("application/grpc+") ?? false);
}

/** gRPC status for an HTTP status, where none was given. [E] */
export function grpcStatusOf(httpStatus: number): number {
  switch (httpStatus) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/**
 * Writes a local reply as Envoy does: status, the given headers, then length and type for a body.
 *
 * @param routeHeaders Headers that the route adds to every response; they come first.
 */
export function composeReply(
  reply: LocalReply,
  request: { readonly grpc: boolean; readonly head: boolean },
  routeHeaders: readonly Pair[] = [],
): ReplyMessage {
  const headers = new HeaderMap("response");
  headers.add(":status", String(reply.status));
  for (const [name, value] of routeHeaders) headers.add(name, value);
  for (const [name, value] of reply.headers) if (name !== ":status") headers.add(name.toLowerCase(), value);
  if (request.grpc) return { headers: grpcReply(headers, reply, request.head), body: noBytes };
  if (reply.body.length > 0) {
    headers.replace("content-length", String(reply.body.length));
    if (!headers.has("content-type")) headers.add("content-type", "text/plain");
  } else {
    headers.remove("content-length");
    headers.remove("content-type");
  }
  return { headers, body: request.head ? noBytes : reply.body };
}

/** Everything in the headers: HTTP status 200, grpc-status, and the body as grpc-message. */
function grpcReply(headers: HeaderMap, reply: LocalReply, head: boolean): HeaderMap {
  const given = reply.grpcStatus;
  const status = given !== undefined && given >= 0 && given <= 16 ? given : grpcStatusOf(reply.status);
  headers.overwrite(":status", "200");
  headers.replace("content-type", "application/grpc");
  if (!headers.has("grpc-status")) headers.add("grpc-status", String(status));
  // [R] grpc_head
  const tells = reply.body.length > 0 && !head && !headers.has("grpc-message");
  if (tells) headers.add("grpc-message", percentEncode(reply.body));
  headers.remove("content-length");
  return headers;
}

/** gRPC's percent encoding: everything outside printable ASCII, and "%". */
function percentEncode(bytes: Uint8Array): ByteString {
  return byteString(bytes).replace(
    /[^\x20-\x24\x26-\x7e]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
