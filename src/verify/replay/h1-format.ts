import { STATUS_CODES } from "node:http";
import { bytesOf } from "../../abi/bytes.js";
import type { HeaderMap } from "../../proxy/header-map.js";

/** Numbers that Envoy has no phrase for, unlike Node. [E] CodeUtility::toString, [R] 418, 451 */
const unnamed: ReadonlySet<string> = new Set(["102", "418", "451", "509"]);

/** `OK` */
export const reasonOf = (status: string): string =>
  (unnamed.has(status) ? undefined : STATUS_CODES[status]) ?? "Unknown";

/** A start line and the headers of a map as Envoy's codec writes them: `:authority` as `host`, other pseudo headers not at all. */
export function formatHead(line: string, headers: HeaderMap): Uint8Array {
  const fields = headers.pairs().flatMap(([name, value]) => {
    if (name === ":authority") return [`host: ${value}\r\n`];
    return name.startsWith(":") ? [] : [`${name}: ${value}\r\n`];
  });
  return bytesOf(`${line}\r\n${fields.join("")}\r\n`);
}

/** What one portion of a body is on the wire. */
export function formatData(bytes: Uint8Array, chunked: boolean, end: boolean): Uint8Array {
  if (!chunked) return bytes;
  const chunk = bytes.length === 0 ? [] : [bytesOf(`${bytes.length.toString(16)}\r\n`), bytes, bytesOf("\r\n")];
  return Buffer.concat(end ? [...chunk, bytesOf("0\r\n\r\n")] : chunk);
}

/** The end of a chunked body with trailers. */
export const formatTrailers = (trailers: HeaderMap): Uint8Array => formatHead("0", trailers);
