import { evaluate } from "@marcbachmann/cel-js";
import { byteString, utf8 } from "../../../abi/bytes.js";
import type { ByteString } from "../../../abi/bytes.js";
import { Status } from "../../../abi/enums.js";
import type { Pair } from "../../../abi/pairs.js";
import { encodePairs } from "../../../abi/pairs.js";
import { double, int64 } from "../property-value.js";
import { CelGroup } from "./cel-group.js";

/** The classes of the library's durations and unsigned numbers, which it does not export. */
interface CelDuration {
  readonly seconds: bigint;
  readonly nanos: number;
}
const Duration = (evaluate("duration('0s')") as object).constructor as new (
  seconds: bigint,
  nanos: number,
) => CelDuration;
const Unsigned = (evaluate("uint(0)") as object).constructor as new (value: bigint) => { valueOf(): bigint };

const billion = 1_000_000_000n;

/** Nanoseconds as CEL's duration. */
export const celDuration = (ns: bigint): object => new Duration(ns / billion, Number(ns % billion));

/** Dates have milliseconds; those that we made know their nanoseconds. */
const exact = new WeakMap<Date, bigint>();

/** Nanoseconds since the Unix epoch as CEL's timestamp. */
export function celTimestamp(ns: bigint): Date {
  const date = new Date(Number(ns / 1_000_000n));
  exact.set(date, ns);
  return date;
}

/** The bytes of a CEL value as a property has them, or SERIALIZATION_FAILURE. [E] serializeValue, 5.2 */
export function celBytes(value: unknown): Uint8Array | Status {
  switch (typeof value) {
    case "string":
      return utf8(value);
    case "bigint":
      return int64(value);
    case "number":
      return double(value);
    case "boolean":
      return Uint8Array.of(Number(value));
    default:
      break;
  }
  if (value === null || typeof value !== "object") return Status.SerializationFailure;
  if (value instanceof CelGroup) return value.bytes ?? Status.SerializationFailure;
  if (value instanceof Uint8Array) return value;
  if (value instanceof Date) return int64(exact.get(value) ?? BigInt(value.getTime()) * 1_000_000n);
  if (value instanceof Duration) return int64(value.seconds * billion + BigInt(value.nanos));
  if (value instanceof Unsigned) return int64(value.valueOf());
  if (Array.isArray(value)) return pairsOf(value.map((one) => [one, undefined] as const));
  if (value instanceof Map) return pairsOf([...value]);
  if (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null) {
    return pairsOf(Object.entries(value));
  }
  return Status.SerializationFailure;
}

/** A map, or a list whose elements are keys without values. */
function pairsOf(entries: readonly (readonly [unknown, unknown])[]): Uint8Array | Status {
  const pairs: Pair[] = [];
  for (const [key, value] of entries) {
    const [name, text] = [celText(key), value === undefined ? "" : celText(value)];
    if (typeof name === "number" || typeof text === "number") return Status.SerializationFailure;
    pairs.push([name, text]);
  }
  return encodePairs(pairs);
}

function celText(value: unknown): ByteString | Status {
  const bytes = celBytes(value);
  return bytes instanceof Uint8Array ? byteString(bytes) : bytes;
}
