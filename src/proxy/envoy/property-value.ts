import type { ByteString } from "../../abi/bytes.js";
import { byteString, bytesOf, textOf, utf8 } from "../../abi/bytes.js";
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

/** A header's bytes, not to be encoded as UTF-8. */
export class Latin1 {
  readonly text: ByteString;
  constructor(text: ByteString) {
    this.text = text;
  }
}

/** A number that is a double even when it is whole: those of JSON. */
export class Double {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A protobuf message: bytes when it is read whole, fields when it is stepped into. */
export class Message {
  readonly bytes: Uint8Array;
  readonly fields: Readonly<Record<string, Value>>;
  constructor(bytes: Uint8Array, fields: Readonly<Record<string, Value>>) {
    this.bytes = bytes;
    this.fields = fields;
  }
}

/** A property with what only attributes can be. */
export type Value = Property | Latin1 | Double | Message | readonly Value[] | { readonly [key: string]: Value };

/** Steps from a value into `segments` and encodes what is found. */
export function encodeProperty(value: Value, segments: readonly ByteString[] = []): PropertyValue {
  let found = value;
  for (const segment of segments) {
    if (Array.isArray(found)) {
      found = /^\d+$/.test(segment) ? (found as readonly Value[])[Number(segment)] : undefined;
      continue;
    }
    const fields = fieldsOf(found);
    if (fields === undefined) return Status.NotFound;
    const name = textOf(bytesOf(segment));
    found = Object.hasOwn(fields, name) ? fields[name] : undefined;
  }
  return encode(found);
}

function fieldsOf(value: Value): Readonly<Record<string, Value>> | undefined {
  if (value instanceof Message) return value.fields;
  if (typeof value !== "object" || value === null || isLeaf(value)) return undefined;
  return value as Readonly<Record<string, Value>>;
}

const isLeaf = (value: object): boolean =>
  value instanceof Uint8Array || value instanceof Latin1 || value instanceof Double;

function encode(value: Value): PropertyValue {
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
  if (value instanceof Latin1) return value.text;
  if (value instanceof Double) return double(value.value);
  if (value instanceof Message) return value.bytes;
  const pairs: Pair[] = [];
  const add = (key: Value, entry: Value): boolean => {
    const [name, text] = [encode(key), entry === "" ? "" : encode(entry)];
    if (typeof name === "number" || typeof text === "number") return false;
    pairs.push([asText(name), asText(text)]);
    return true;
  };
  const entries = Array.isArray(value)
    ? (value as readonly Value[]).map((one) => [one, ""] as const)
    : Object.entries(value as Readonly<Record<string, Value>>);
  for (const [key, entry] of entries) if (!add(key, entry)) return Status.SerializationFailure;
  return encodePairs(pairs); // an empty map, too, has the four bytes of its count [R]
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
