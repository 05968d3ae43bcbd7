import { utf8 } from "../../abi/bytes.js";
import { HarnessError } from "../../errors.js";
import { listBytes, structBytes, valueBytes } from "./config-messages.js";

const prefix = "type.googleapis.com/google.protobuf.";

/**
 * The bytes that a plugin gets of a configuration in protobuf's JSON: text and bytes as they are, other messages serialized. [R]
 *
 * @throws {HarnessError} OPTION_INVALID for a type that is not one of the well-known ones, and a value that is not of its type.
 */
export function anyBytes(any: Readonly<Record<string, unknown>>, where: string): Uint8Array {
  const { "@type": type, value } = any;
  const refuse = (why: string): never => {
    throw new HarnessError("OPTION_INVALID", `Cannot use ${where}: ${why}`);
  };
  switch (String(type).replace(prefix, "")) {
    case "StringValue":
      return typeof value === "string" ? utf8(value) : refuse("the value of a StringValue is a text");
    case "BytesValue":
      return typeof value === "string" && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value)
        ? Buffer.from(value, "base64")
        : refuse("the value of a BytesValue is base64");
    case "Struct":
      return typeof value === "object" && value !== null && !Array.isArray(value)
        ? structBytes(value as Record<string, unknown>)
        : refuse("the value of a Struct is an object");
    case "ListValue":
      return Array.isArray(value) ? listBytes(value) : refuse("the value of a ListValue is a list");
    case "Value":
      return valueBytes(value);
    default:
      return refuse(
        type === undefined
          ? `it has no "@type"; write {"@type": ${prefix}StringValue, value: …}`
          : `its type ${String(type)} is not known here; ${prefix}StringValue is the one for text and JSON`,
      );
  }
}
