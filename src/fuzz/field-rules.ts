import { isFraming } from "./generate/vocabulary.js";

/** A name that a client may send, as it is after the codec. */
export function isFieldName(given: string): boolean {
  return /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(given) && !isFraming(given);
}

/** A field value as it is after the codec. [RFC 9110 5.5] */
export function isFieldValue(given: string): boolean {
  // oxlint-disable-next-line no-control-regex -- what a field value cannot hold
  return !/[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]|^[ \t]|[ \t]$/.test(given);
}

/** A header line that a client may send: `te: trailers`, of gRPC, is the one of framing that HTTP/2 knows. */
export function isLine(name: string, value: string): boolean {
  return name === "te" ? value === "trailers" : isFieldName(name) && isFieldValue(value);
}

/** An origin-form path with query, without a fragment that no client sends. */
export const isPath = (given: string): boolean => /^\/[!-~]*$/.test(given);
