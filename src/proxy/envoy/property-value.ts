import type { ByteString } from "../../abi/bytes.js";
import { byteString, utf8 } from "../../abi/bytes.js";
import { Status } from "../../abi/enums.js";
import type { Pair } from "../../abi/pairs.js";
import { encodePairs } from "../../abi/pairs.js";
import type { PropertyValue } from "../../host/stream-port.js";

/**
 * A property as a test gives it, or as an attribute computes it; how it becomes bytes is Envoy's: [E] expr/context.cc
 *
 * string: UTF-8, or bytes as they are · bigint and whole number: int64 · other number: double · boolean: 1 byte ·
 * Uint8Array: as it is (a protobuf message, say) · array: its elements · object: a map, in the order of its keys ·
 * null: present, yet without bytes (SERIALIZATION_FAILURE) · undefined: not there (NOT_FOUND).
 */
export type Property =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | null
  | undefined
  | readonly Property[]
  | { readonly [key: string]: Property };

/** Properties by path, with dots. */
export type Properties = Readonly<Record<string, Property>>;

/** Steps from a value into `segments` and encodes what is found. */
export function encodeProperty(value: Property, segments: readonly ByteString[] = []): PropertyValue {
  let found = value;
  for (const segment of segments) {
    if (Array.isArray(found)) {
      found = /^\d+$/.test(segment) ? (found as readonly Property[])[Number(segment)] : undefined;
    } else if (typeof found === "object" && found !== null && !(found instanceof Uint8Array)) {
      found = Object.hasOwn(found, segment) ? (found as Record<string, Property>)[segment] : undefined;
    } else {
      return Status.NotFound;
    }
  }
  return encode(found);
}

function encode(value: Property): PropertyValue {
  switch (typeof value) {
    case "string":
      return byteString(utf8(value));
    case "number":
      return Number.isInteger(value) ? int64(BigInt(value)) : double(value);
    case "bigint":
      return int64(value);
    case "boolean":
      return value ? "\x01" : "\x00";
    case "undefined":
      return Status.NotFound;
    default:
      break;
  }
  if (value === null) return Status.SerializationFailure;
  if (value instanceof Uint8Array) return value;
  const pairs: Pair[] = [];
  const add = (key: Property, entry: Property): boolean => {
    const [name, text] = [encode(key), entry === "" ? "" : encode(entry)];
    if (typeof name === "number" || typeof text === "number") return false;
    pairs.push([asText(name), asText(text)]);
    return true;
  };
  const entries = Array.isArray(value)
    ? value.map((one) => [one, ""] as const)
    : Object.entries(value as Record<string, Property>);
  for (const [key, entry] of entries) if (!add(key, entry)) return Status.SerializationFailure;
  return pairs.length === 0 ? "" : encodePairs(pairs);
}

const asText = (value: ByteString | Uint8Array): ByteString => (typeof value === "string" ? value : byteString(value));

/** 8 bytes, little-endian: int64, uint64, durations and timestamps in nanoseconds. */
export function int64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return bytes;
}

export function double(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return bytes;
}
