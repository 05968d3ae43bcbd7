import type { ByteString } from "../../abi/bytes.js";
import { MapType, Status } from "../../abi/enums.js";
import { encodePairs } from "../../abi/pairs.js";
import type { PropertyValue } from "../../host/stream-port.js";
import { HeaderMap } from "../header-map.js";
import type { PropertyReader, PropertyStore } from "../plugin-filter.js";
import { grpcStatusOf } from "../local-reply.js";
import type { AttributePath } from "./attribute-kinds.js";
import { attributeGroups, attributeKinds, topLevelNames } from "./attribute-kinds.js";
import { localityMessage, metadataMessage } from "./config-messages.js";
import { declaredProperty } from "./foreign/declare-property.js";
import { givenProperties } from "./given-properties.js";
import type { Properties, Value } from "./property-value.js";
import { encodeProperty, Latin1 } from "./property-value.js";
import type { ProxyInfo } from "./proxy-info.js";
import { plainProxy } from "./proxy-info.js";
import { StreamInfo } from "./stream-info.js";

/** What an attribute is computed from: the stream, and the maps that the plugin may read at this moment. */
interface Source {
  readonly info: StreamInfo;
  readonly filter: PropertyReader;
  /** Undefined while the plugin has no access: header-based attributes are NOT_FOUND then. */
  readonly request: HeaderMap | undefined;
  readonly response: HeaderMap | undefined;
}

/** An attribute's value; undefined is NOT_FOUND. */
type Attribute = (source: Source) => Value;

export type AttributeValue = Value | HeaderMap;

const raw = (text: ByteString | undefined): Latin1 | undefined => (text === undefined ? undefined : new Latin1(text));
const header =
  (name: string): Attribute =>
  ({ request }) =>
    raw(request?.first(name));
const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(":") + 1));
const nanoseconds = (ns: number | undefined): bigint | undefined => (ns === undefined ? undefined : BigInt(ns));
const numberOf = (text: ByteString | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
/** Only a test can say. */
const unknown: Attribute = () => undefined;

/** Attributes of [E] §5.3 by path, maps of headers apart. Those of TLS are NOT_FOUND: a test that wants them sets them. */
const attributes: Readonly<Record<Exclude<AttributePath, HeaderMapPath>, Attribute>> = {
  "request.path": header(":path"),
  "request.url_path": ({ request }) => raw(request?.first(":path")?.split("?", 1)[0]),
  "request.query": ({ request }) => {
    const path = request?.first(":path");
    if (path === undefined) return undefined;
    const mark = path.indexOf("?");
    return raw(mark < 0 ? "" : path.slice(mark + 1).split("#", 1)[0]);
  },
  "request.host": header(":authority"),
  "request.scheme": header(":scheme"),
  "request.method": header(":method"),
  "request.referer": header("referer"),
  "request.useragent": header("user-agent"),
  "request.id": header("x-request-id"),
  "request.time": ({ info }) => info.startNs,
  "request.protocol": ({ info }) => info.protocol,
  "request.size": ({ info, request }) => {
    const declared = request?.first("content-length");
    if (declared === undefined) return info.requestBytes;
    return /^\d+$/.test(declared) ? BigInt(declared) : undefined;
  },
  "request.total_size": ({ info, request }) => info.requestBytes + (request?.byteSize ?? 0),
  "request.headers_bytes": ({ info, request }) => headersBytes(info, request),
  "request.duration": ({ info }) => nanoseconds(info.durationNs),
  "response.code": ({ filter }) => numberOf(filter.stream.responseStatus),
  "response.code_details": ({ filter }) => raw(filter.stream.responseCodeDetails),
  "response.flags": ({ info }) => info.flags.bits,
  "response.grpc_status": ({ filter, response }) => {
    const trailers = filter.liveFields(MapType.ResponseTrailers);
    const given = trailers?.first("grpc-status") || response?.first("grpc-status");
    if (given) {
      const status = numberOf(given);
      return status === undefined || status > 16 ? -1 : status; // [S] Grpc::Common::getGrpcStatus: InvalidCode
    }
    const code = numberOf(filter.stream.responseStatus);
    return code === undefined ? undefined : grpcStatusOf(code);
  },
  "response.size": ({ info }) => info.responseBytes,
  "response.total_size": ({ info, filter, response }) =>
    info.responseBytes + (response?.byteSize ?? 0) + (filter.liveFields(MapType.ResponseTrailers)?.byteSize ?? 0),
  "response.headers_bytes": ({ info, response }) => headersBytes(info, response),
  "response.backend_latency": ({ info }) => nanoseconds(info.upstream?.backendLatencyNs),
  connection_id: ({ info }) => info.connectionId,
  "connection.id": ({ info }) => info.connectionId,
  "connection.mtls": () => false,
  "connection.requested_server_name": () => "",
  "connection.termination_details": unknown,
  "connection.transport_failure_reason": unknown,
  "connection.tls_version": unknown,
  "connection.subject_local_certificate": unknown,
  "connection.subject_peer_certificate": unknown,
  "connection.dns_san_local_certificate": unknown,
  "connection.dns_san_peer_certificate": unknown,
  "connection.uri_san_local_certificate": unknown,
  "connection.uri_san_peer_certificate": unknown,
  "connection.sha256_peer_certificate_digest": unknown,
  "upstream.address": ({ info }) => info.upstream?.address,
  "upstream.port": ({ info }) => info.upstream && portOf(info.upstream.address),
  "upstream.local_address": ({ info }) => info.upstream?.localAddress,
  "upstream.transport_failure_reason": ({ info }) => info.upstream && (info.upstream.transportFailureReason ?? ""),
  "upstream.locality": ({ info }) => info.upstream && localityMessage(info.upstream.host?.locality),
  "upstream.request_attempt_count": ({ info }) => info.upstream?.requestAttemptCount ?? 0,
  "upstream.num_endpoints": ({ info }) => info.cluster?.hosts.length,
  // a connection is there at once, in virtual time
  "upstream.cx_pool_ready_duration": ({ info }) => (info.upstream?.localAddress === undefined ? undefined : 0n),
  "upstream.tls_version": unknown,
  "upstream.subject_local_certificate": unknown,
  "upstream.subject_peer_certificate": unknown,
  "upstream.dns_san_local_certificate": unknown,
  "upstream.dns_san_peer_certificate": unknown,
  "upstream.uri_san_local_certificate": unknown,
  "upstream.uri_san_peer_certificate": unknown,
  "upstream.sha256_peer_certificate_digest": unknown,
  "source.address": ({ info }) => info.sourceAddress,
  "source.port": ({ info }) => portOf(info.sourceAddress),
  "destination.address": ({ info }) => info.destinationAddress,
  "destination.port": ({ info }) => portOf(info.destinationAddress),
  metadata: ({ info }) => info.proxy.dynamicMetadata,
  "xds.node": ({ info }) => info.proxy.node,
  "xds.cluster_name": ({ info }) => info.cluster && info.clusterName,
  "xds.cluster_metadata": ({ info }) => info.cluster && metadataMessage(info.cluster.metadata),
  "xds.route_name": ({ info }) => info.routeName,
  "xds.route_metadata": ({ info }) => info.route && metadataMessage(info.route.metadata),
  "xds.virtual_host_name": ({ info }) => info.virtualHost?.name,
  "xds.virtual_host_metadata": ({ info }) => info.virtualHost && metadataMessage(info.virtualHost.metadata),
  "xds.upstream_host_metadata": ({ info }) => info.upstream && hostMetadata(info.upstream.host?.metadata),
  "xds.upstream_host_locality_metadata": ({ info }) =>
    info.upstream && hostMetadata(info.upstream.host?.localityMetadata),
  "xds.filter_chain_name": ({ info }) => info.proxy.filterChainName,
  "xds.listener_metadata": ({ info }) => info.proxy.listenerMetadata,
  "xds.listener_direction": ({ info }) => info.proxy.listenerDirection,
};

const headersBytes = (info: StreamInfo, map: HeaderMap | undefined): number | undefined =>
  info.proxy.profile.headersBytes ? (map?.byteSize ?? 0) : undefined;

/** A host without metadata has none at all, unlike a route or a cluster: it has no bytes. [R] */
const hostMetadata = (given: Readonly<Record<string, unknown>> | undefined): Value =>
  given === undefined ? null : metadataMessage(given);

type HeaderMapPath = "request.headers" | "response.headers" | "response.trailers";

/** Maps of headers: a third segment is a name, and repeated ones are joined with a comma. */
const headerMaps: Readonly<Record<HeaderMapPath, (source: Source) => HeaderMap | undefined>> = {
  "request.headers": ({ request }) => request,
  "response.headers": ({ response }) => response,
  "response.trailers": ({ filter }) => filter.liveFields(MapType.ResponseTrailers),
};

const isMap = (path: string): path is HeaderMapPath => Object.hasOwn(headerMaps, path);
const isAttribute = (path: string): path is keyof typeof attributes => Object.hasOwn(attributes, path);

/** Names that a property can have, for suggestions. */
export const attributeNames: readonly string[] = [
  ...Object.keys(attributeKinds),
  "plugin_name",
  "plugin_root_id",
  "plugin_vm_id",
];

/** Is this the name of a group of attributes? */
export const isGroup = (name: string): boolean => attributeGroups.has(name);

function sourceOf(info: StreamInfo, filter: PropertyReader): Source {
  return {
    info,
    filter,
    request: filter.liveFields(MapType.RequestHeaders),
    response: filter.liveFields(MapType.ResponseHeaders),
  };
}

/** A property of a stream, as a plugin reads it at this moment. [E] Context::findValue */
function streamProperty(info: StreamInfo, filter: PropertyReader, given: readonly ByteString[]): PropertyValue {
  const segments = currentNames(given, info.proxy);
  const [first, second] = segments as readonly [string, ...string[]];
  // the names come from a guest: they may be anything, those of Object's prototype too, and dots divide nothing
  const single = !first.includes(".") && isAttribute(first);
  if (!attributeGroups.has(first) && !single) return stored(info, `wasm.${first}`, segments.slice(1));
  if (first === "filter_state") {
    return second === undefined ? Status.SerializationFailure : stored(info, second, segments.slice(2));
  }
  const set = givenProperties(info.properties).find(segments);
  if (set !== undefined) return set;
  if (first === "upstream_filter_state") {
    return info.upstream === undefined || second !== undefined ? Status.NotFound : Status.SerializationFailure;
  }
  const depth = single ? 1 : 2;
  const path = segments.slice(0, depth).join(".");
  if (isMap(path)) return headerProperty(headerMaps[path](sourceOf(info, filter)), segments.slice(2));
  if (!isAttribute(path)) return segments.length === 1 ? Status.SerializationFailure : Status.NotFound;
  return encodeProperty(attributes[path](sourceOf(info, filter)), segments.slice(depth));
}

/** Old releases have some names of `xds` at the top. */
function currentNames(segments: readonly ByteString[], { profile }: ProxyInfo): readonly ByteString[] {
  return profile.topLevelXds && topLevelNames.has(segments[0]!) ? ["xds", ...segments] : segments;
}

/** A property without a stream: the node alone can be read. */
export function processProperty(
  properties: Properties,
  given: readonly ByteString[],
  proxy: ProxyInfo = plainProxy,
): PropertyValue {
  const segments = currentNames(given, proxy);
  const [first, second] = segments;
  if (first !== "xds") return Status.NotFound;
  if (second !== "node") return second === undefined ? Status.SerializationFailure : Status.NotFound;
  return givenProperties(properties).find(segments) ?? encodeProperty(proxy.node, segments.slice(2));
}

/** What a proxy knows of a stream, with the properties that its plugins read and set. */
export class EnvoyStream extends StreamInfo implements PropertyStore {
  get(filter: PropertyReader, segments: readonly ByteString[]): PropertyValue {
    return streamProperty(this, filter, segments);
  }
  /** Stores a value under the whole path, as the plugin declared it. [E] set_property */
  set(filter: PropertyReader, path: ByteString, value: Uint8Array): Status {
    const { readOnly, span } = declaredProperty(filter.root, path);
    return this.filterState.setProperty(`wasm.${path}`, value, span, readOnly);
  }
  /** The value of an attribute before it becomes bytes; undefined where there is none. A map that is not live is empty. */
  attribute(filter: PropertyReader, path: string): AttributeValue {
    if (isMap(path)) return headerMaps[path](sourceOf(this, filter)) ?? new HeaderMap("request");
    return isAttribute(path) ? attributes[path](sourceOf(this, filter)) : undefined;
  }
}

/** An object of the filter state, which is bytes: what a plugin stored wins over what the test says. */
function stored(info: StreamInfo, name: ByteString, rest: readonly ByteString[]): PropertyValue {
  const value = info.filterState.get(name);
  if (value !== undefined) return rest.length > 0 ? Status.NotFound : value;
  return givenProperties(info.properties).find(["filter_state", name, ...rest]) ?? Status.NotFound;
}

function headerProperty(map: HeaderMap | undefined, rest: readonly ByteString[]): PropertyValue {
  const [name] = rest;
  if (name === undefined) {
    const joined = new Map<ByteString, ByteString>();
    for (const [key, value] of map ?? []) {
      const before = joined.get(key);
      joined.set(key, before === undefined ? value : `${before},${value}`);
    }
    return encodePairs([...joined]);
  }
  if (rest.length > 1) return Status.NotFound;
  const values = map?.getAll(name) ?? [];
  return values.length === 0 ? Status.NotFound : values.join(",");
}
