import type { HeaderMap } from "../header-map.js";

/** The HTTP/2 codec puts cookies together that the peer sent in pieces, behind all other headers. [E] §12 */
export function joinCookies(headers: HeaderMap): void {
  if (headers.first("cookie") === undefined) return;
  const joined = headers.getAll("cookie").join("; ");
  headers.remove("cookie");
  headers.add("cookie", joined);
}
