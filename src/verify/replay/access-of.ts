import { byteString, type ByteString, bytesOf } from "../../abi/bytes.js";
import type { AccessEntry as OurEntry } from "../../proxy/envoy/settings.js";
import { HarnessError } from "../../errors.js";
import type { AccessEntry } from "../envoy/recording.js";
import type { Scenario } from "../envoy/scenario.js";

/** An entry of our access log by the names of a recording; what there is no value for is left out. */
export function accessOf(entry: OurEntry, extra: Scenario["access_log_fields"] = {}): AccessEntry {
  const fields: Record<string, unknown> = {
    code: entry.code,
    details: entry.details,
    flags: entry.flags,
    rx: entry.requestBytes,
    tx: entry.responseBytes,
    proto: entry.protocol,
    method: entry.method,
    path: entry.path,
    cluster: entry.cluster || undefined,
    route: entry.route || undefined,
    grpc: entry.grpcStatus === undefined ? undefined : grpcName(entry.grpcStatus),
    ...Object.fromEntries(Object.entries(extra).map(([name, operator]) => [name, valueOf(entry, operator)])),
  };
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === "string" ? sanitized(value) : value]],
    ),
  );
}

/** UTF-8 as text; otherwise each byte is a character of its own. [E] JsonSanitizer */
function sanitized(value: ByteString): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytesOf(value));
  } catch {
    return value;
  }
}

/** Of the command operators only `FILTER_STATE(key)`, the BytesValue that a plugin set, and `FILTER_STATE(key:PLAIN)`. */
function valueOf({ filterState }: OurEntry, operator: string): unknown {
  const [, key, plain] = /^FILTER_STATE\(([^:)]+)(:PLAIN)?\)$/.exec(operator) ?? [];
  if (key === undefined) {
    throw new HarnessError("OPTION_INVALID", `Cannot replay the access log field %${operator}%`);
  }
  const state = filterState.get(key);
  if (state === undefined) return undefined;
  if (plain !== undefined) return byteString(state);
  const value = Buffer.from(state).toString("base64");
  return { "@type": "type.googleapis.com/google.protobuf.BytesValue", value };
}

const grpcNames = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];

const grpcName = (status: string): string => (/^\d+$/.test(status) ? grpcNames[Number(status)] : undefined) ?? status;
