import type { ByteString } from "../../abi/bytes.js";
import type { HeaderMap } from "../header-map.js";
import type { HttpProtocol } from "./peers.js";
import type { Profile } from "./profiles.js";
import type { ListenerSettings } from "./settings.js";

/** Hop-by-hop headers, and what only an internal caller may say. [E] mutateRequestHeaders, cleanInternalHeaders */
const hopByHop = ["connection", "upgrade", "keep-alive", "proxy-connection", "transfer-encoding"];
const internalOnly = [
  "x-envoy-internal",
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
  "x-envoy-hedge-on-per-try-timeout",
  "x-forwarded-client-cert",
];

const streamDuration = "x-envoy-upstream-stream-duration-ms";

/** Names for which there is anything to do: most requests have none of them. */
const special: ReadonlySet<ByteString> = new Set([...hopByHop, ...internalOnly, streamDuration, "referer"]);
const responseHops = ["connection", "transfer-encoding", "proxy-connection", "keep-alive"];
const responseSpecial: ReadonlySet<ByteString> = new Set(responseHops);

export interface ConnectionFacts {
  readonly protocol: HttpProtocol;
  /** `ip:port` of the peer. */
  readonly sourceAddress: string;
}

/** A request asks for another protocol on this connection, and the listener allows it. */
export function isUpgrade(headers: HeaderMap, allowed: readonly string[]): boolean {
  const wanted = headers.first("upgrade");
  if (wanted === undefined || !/(^|,)\s*upgrade\s*(,|$)/i.test(headers.first("connection") ?? "")) return false;
  return allowed.some((one) => one.toLowerCase() === wanted.toLowerCase());
}

/**
 * What the connection manager does to request headers before any filter sees them. [E] §2.1
 *
 * @param proxy `requestId` makes an `x-request-id` where the client sent none.
 */
export function normaliseRequest(
  headers: HeaderMap,
  connection: ConnectionFacts,
  listener: Pick<ListenerSettings, "useRemoteAddress" | "localAddress" | "upgrades">,
  proxy: { readonly requestId: () => ByteString; readonly profile: Pick<Profile, "passesStreamDuration"> },
): void {
  if (headers.hasAny(special)) {
    const upgrade = isUpgrade(headers, listener.upgrades);
    if (!upgrade) for (const name of nominated(headers)) headers.remove(name);
    for (const name of upgrade ? hopByHop.slice(2) : hopByHop) headers.remove(name);
    const referer = headers.first("referer");
    if (referer !== undefined && !isUrl(referer)) headers.remove("referer");
    for (const name of internalOnly) headers.remove(name);
    if (!proxy.profile.passesStreamDuration) headers.remove(streamDuration);
  }
  if (listener.useRemoteAddress) addForwardedFor(headers, connection, listener);
  const proto = headers.first("x-forwarded-proto");
  const scheme = proto !== undefined && /^https?$/i.test(proto) ? proto : undefined;
  if (headers.first(":scheme") === undefined) headers.add(":scheme", scheme ?? "http");
  else if (scheme !== undefined && connection.protocol !== "HTTP/2") headers.overwrite(":scheme", scheme);
  if (proto === undefined) headers.add("x-forwarded-proto", "http");
  if (listener.useRemoteAddress) addExternalAddress(headers, connection);
  if (listener.useRemoteAddress || headers.first("x-request-id") === undefined) {
    headers.overwrite("x-request-id", proxy.requestId()); // at an edge the client's own does not count
  }
}

/** [R] A loopback client is shown by the host's own address. */
function addForwardedFor(
  headers: HeaderMap,
  { sourceAddress }: ConnectionFacts,
  { localAddress }: { localAddress: string },
): void {
  const ip = hostOf(sourceAddress);
  headers.add("x-forwarded-for", ip.startsWith("127.") ? localAddress : ip);
}

/** [R] Also for a loopback client: no address is internal unless it is configured to be. */
function addExternalAddress(headers: HeaderMap, { sourceAddress }: ConnectionFacts): void {
  headers.replace("x-envoy-external-address", hostOf(sourceAddress));
}

const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "");

/** Names that `connection` makes hop-by-hop; `te` stays. */
function nominated(headers: HeaderMap): string[] {
  const names = (headers.first("connection") ?? "").toLowerCase().split(",");
  return names.map((name) => name.trim()).filter((name) => name !== "" && name !== "te" && !name.startsWith(":"));
}

const isUrl = (text: string): boolean => /^[!-~]+$/.test(text);

/**
 * What the connection manager does to response headers after the last filter, and what it adds: `date` if there is none, and
 * `server`, which stands where the upstream's stood. [E] mutateResponseHeaders
 */
export function finishResponse(headers: HeaderMap, date: () => ByteString, upgraded: boolean): void {
  if (headers.hasAny(responseSpecial)) {
    for (const name of upgraded ? ["transfer-encoding"] : responseHops) headers.remove(name);
  }
  if (headers.first("date") === undefined) headers.add("date", date());
  headers.overwrite("server", "envoy");
}
