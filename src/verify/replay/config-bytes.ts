import { concat, utf8 } from "../../abi/bytes.js";
import { HarnessError } from "../../errors.js";
import type { ConfigSpec } from "../envoy/scenario.js";

/** The bytes that a plugin gets of its configuration: text and bytes as they are, other messages serialized. [E] anyToBytes */
export function configBytes(config: ConfigSpec | undefined): Uint8Array {
  if (config === undefined) return new Uint8Array();
  if (typeof config === "string") return utf8(config);
  if ("struct" in config) return struct(config.struct);
  if ("bytes_b64" in config) return Buffer.from(config.bytes_b64, "base64");
  if ("any" in config) return message(String(config.any["@type"]), config.any["value"]);
  return utf8(config.join("\n"));
}

/** A well-known type in protobuf's own form. */
function message(type: string, value: unknown): Uint8Array {
  switch (type.replace("type.googleapis.com/google.protobuf.", "")) {
    case "StringValue":
      return utf8(String(value));
    case "UInt32Value":
      return field(1, Number(value));
    case "Duration": {
      const seconds = Number.parseFloat(String(value));
      const whole = Math.trunc(seconds);
      return concat([field(1, whole), field(2, Math.round((seconds - whole) * 1e9))]);
    }
    case "ListValue":
      return list(value as unknown[]);
    case "Value":
      return anyValue(value);
    default:
      throw new HarnessError(
        "OPTION_INVALID",
        `Cannot replay a configuration of type ${type}: it is not a well-known one`,
      );
  }
}

const struct = (members: object): Uint8Array =>
  concat(
    Object.entries(members).map(([name, value]) =>
      nested(1, concat([nested(1, utf8(name)), nested(2, anyValue(value))])),
    ),
  );

const list = (items: readonly unknown[]): Uint8Array => concat(items.map((item) => nested(1, anyValue(item))));

function anyValue(value: unknown): Uint8Array {
  if (value === null) return concat([key(1, 0), varint(0)]);
  if (typeof value === "number") {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return concat([key(2, 1), bytes]);
  }
  if (typeof value === "string") return nested(3, utf8(value));
  if (typeof value === "boolean") return concat([key(4, 0), varint(Number(value))]);
  if (Array.isArray(value)) return nested(6, list(value));
  return nested(5, struct(value as object));
}

const key = (number: number, wireType: number): Uint8Array => varint(number * 8 + wireType);
const field = (number: number, value: number): Uint8Array =>
  value === 0 ? new Uint8Array() : concat([key(number, 0), varint(value)]);
const nested = (number: number, bytes: Uint8Array): Uint8Array => concat([key(number, 2), varint(bytes.length), bytes]);

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return Uint8Array.from([...bytes, left]);
}
