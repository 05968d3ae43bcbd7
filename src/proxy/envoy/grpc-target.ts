import type { ByteString } from "../../abi/bytes.js";
import { byteString, bytesOf } from "../../abi/bytes.js";
import { messageFields } from "../../abi/protobuf.js";

/**
 * What the first argument of `proxy_grpc_call` means to Envoy.
 *
 * `name`: a cluster's name. `service`: a serialized `GrpcService`, for this cluster or target. `crash`: bytes that parse as
 * a message without a service, which ends a real Envoy with "unset oneof": the empty text, and names such as `users`.
 */
export type GrpcTarget =
  { readonly kind: "name" | "service"; readonly upstream: ByteString } | { readonly kind: "crash" };

/** Reads a target as Envoy does: first as a protobuf, then as a name. Groups count as no protobuf here. [E] 6.2, recorded */
export function grpcTarget(given: ByteString): GrpcTarget {
  const fields = messageFields(bytesOf(given));
  if (fields === undefined) return { kind: "name", upstream: given };
  // of a oneof the last counts: envoy_grpc (1, its cluster_name is field 1) or google_grpc (2, its target_uri is field 1)
  const service = fields.findLast(({ field, value }) => (field === 1 || field === 2) && value instanceof Uint8Array);
  if (service === undefined) return { kind: "crash" };
  const inner = messageFields(service.value as Uint8Array);
  if (inner === undefined) return { kind: "name", upstream: given };
  const named = inner.findLast(({ field, value }) => field === 1 && value instanceof Uint8Array);
  return { kind: "service", upstream: named === undefined ? "" : byteString(named.value as Uint8Array) };
}
