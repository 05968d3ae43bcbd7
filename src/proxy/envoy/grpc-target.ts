import { isUtf8 } from "node:buffer";
import type { ByteString } from "../../abi/bytes.js";
import { byteString, bytesOf } from "../../abi/bytes.js";
import type { Pair } from "../../abi/pairs.js";
import type { MessageField } from "../../abi/protobuf.js";
import { messageFields } from "../../abi/protobuf.js";

/** A serialized `GrpcService`. */
export interface GrpcService {
  readonly kind: "service";
  /** The cluster; of Google's client the target. */
  readonly upstream: ByteString;
  /** `:authority` when it is not the cluster's name. */
  readonly authority?: ByteString;
  /** Metadata of every call. */
  readonly metadata?: readonly Pair[];
  /** It is for Google's client, which connects by itself. */
  readonly google?: true;
}

/**
 * What the first argument of `proxy_grpc_call` means to Envoy.
 *
 * `name`: a cluster's name. `crash`: bytes that parse as a message without a service, which ends a real Envoy with "unset oneof":
 * the empty text, and names such as `users`.
 */
export type GrpcTarget =
  { readonly kind: "name"; readonly upstream: ByteString } | GrpcService | { readonly kind: "crash" };

/** Reads a target as Envoy does: first as a protobuf, then as a name. [E] 6.2, recorded */
export function grpcTarget(given: ByteString): GrpcTarget {
  const name: GrpcTarget = { kind: "name", upstream: given };
  const fields = messageFields(bytesOf(given));
  if (fields === undefined) return name;
  // of a oneof the last counts: envoy_grpc (1, its cluster_name is field 1) or google_grpc (2, its target_uri is field 1)
  const service = fields.findLast(({ field, value }) => (field === 1 || field === 2) && value instanceof Uint8Array);
  const inner = messageFields((service?.value as Uint8Array | undefined) ?? new Uint8Array(0));
  const metadata = metadataOf(fields);
  if (inner === undefined || metadata === undefined || [1, 2].some((n) => !isText(bytesIn(inner, n)))) return name;
  if (service === undefined) return { kind: "crash" };
  const upstream = textIn(inner, 1);
  if (service.field === 2) return { kind: "service", upstream, google: true };
  const authority = textIn(inner, 2);
  return {
    kind: "service",
    upstream,
    ...(authority !== "" && { authority }),
    ...(metadata.length > 0 && { metadata }),
  };
}

/** `initial_metadata`, field 5: keys and values; undefined when one is no message. */
function metadataOf(fields: readonly MessageField[]): Pair[] | undefined {
  const pairs: Pair[] = [];
  for (const { field, value } of fields) {
    if (field !== 5 || !(value instanceof Uint8Array)) continue;
    const header = messageFields(value);
    if (header === undefined) return undefined;
    pairs.push([textIn(header, 1), textIn(header, 2)]);
  }
  return pairs;
}

function bytesIn(fields: readonly MessageField[], number: number): Uint8Array | undefined {
  return fields.findLast(({ field, value }) => field === number && value instanceof Uint8Array)?.value as
    Uint8Array | undefined;
}

function textIn(fields: readonly MessageField[], number: number): ByteString {
  const bytes = bytesIn(fields, number);
  return bytes === undefined ? "" : byteString(bytes);
}

/** A protobuf string is UTF-8, or the message does not parse. */
const isText = (bytes: Uint8Array | undefined): boolean => bytes === undefined || isUtf8(bytes);
