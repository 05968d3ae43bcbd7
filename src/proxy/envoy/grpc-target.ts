import type { ByteString } from "../../abi/bytes.js";
import { byteString, bytesOf } from "../../abi/bytes.js";

/**
 * What the first argument of `proxy_grpc_call` means to Envoy.
 *
 * `name`: a cluster's name. `service`: a serialized `GrpcService`, for this cluster or target. `crash`: bytes that parse as
 * a message without a service, which ends a real Envoy with "unset oneof": the empty text, and names such as `users`.
 */
export type GrpcTarget =
  { readonly kind: "name" | "service"; readonly upstream: ByteString } | { readonly kind: "crash" };

/** Reads a target as Envoy does: first as a protobuf, then as a name. [E] 6.2, recorded */
export function grpcTarget(given: ByteString): GrpcTarget {
  const fields = fieldsOf(bytesOf(given));
  if (fields === undefined) return { kind: "name", upstream: given };
  // of a oneof the last field counts: envoy_grpc (1, its cluster_name is field 1), google_grpc (2, its target_uri is field 1)
  const service = fields.findLast(({ number, bytes }) => (number === 1 || number === 2) && bytes !== undefined);
  if (service === undefined) return { kind: "crash" };
  const inner = fieldsOf(service.bytes!);
  if (inner === undefined) return { kind: "name", upstream: given };
  const named = inner.findLast(({ number, bytes }) => number === 1 && bytes !== undefined);
  return { kind: "service", upstream: named === undefined ? "" : byteString(named.bytes!) };
}

interface Field {
  readonly number: number;
  /** Of a field with a length; undefined for numbers and groups. */
  readonly bytes: Uint8Array | undefined;
}

/** The fields of a protobuf message, or undefined when the bytes are none. */
function fieldsOf(bytes: Uint8Array): Field[] | undefined {
  const fields: Field[] = [];
  const groups: number[] = [];
  let at = 0;
  const varint = (): number | undefined => {
    let value = 0;
    for (let i = 0; i < 10 && at < bytes.length; i++) {
      const byte = bytes[at++]!;
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === undefined || tag > 0xffffffff || tag >>> 3 === 0) return undefined;
    const number = tag >>> 3;
    let value: Uint8Array | undefined;
    switch (tag & 7) {
      case 0:
        if (varint() === undefined) return undefined;
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (length === undefined || length > bytes.length - at) return undefined;
        value = bytes.subarray(at, at + length);
        at += length;
        break;
      }
      case 3:
        groups.push(number);
        break;
      case 4:
        if (groups.pop() !== number) return undefined;
        break;
      case 5:
        at += 4;
        break;
      default:
        return undefined;
    }
    if (at > bytes.length) return undefined;
    if (groups.length === 0) fields.push({ number, bytes: value });
  }
  return groups.length === 0 ? fields : undefined;
}
