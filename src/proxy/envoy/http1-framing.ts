import type { HeaderMap } from "../header-map.js";

/**
 * What the HTTP/1 codec adds to headers so that the other side can tell where the body ends. [E] StreamEncoderImpl
 *
 * The map is the codec's own copy. `transfer-encoding: chunked` in it afterwards says that the body is sent in chunks.
 */
export function frameResponse(headers: HeaderMap, endOfStream: boolean, toHead: boolean, http10 = false): void {
  if (headers.has("content-length")) return;
  const status = Number(headers.first(":status"));
  if (status === 304) return;
  if (endOfStream && !toHead) {
    if (status >= 200 && status !== 204) headers.add("content-length", "0");
  } else if (!http10 && status >= 200 && status !== 204) {
    headers.add("transfer-encoding", "chunked");
  }
}

/** [E] HeaderUtility::requestShouldHaveNoBody */
const withoutBody: ReadonlySet<string> = new Set(["GET", "HEAD", "CONNECT", "DELETE", "TRACE"]);

/** The same for a request. */
export function frameRequest(headers: HeaderMap, endOfStream: boolean): void {
  if (headers.has("content-length") || headers.has("upgrade")) return;
  if (!endOfStream) headers.add("transfer-encoding", "chunked");
  else if (!withoutBody.has(headers.first(":method") ?? "")) headers.add("content-length", "0");
}
