import type { ByteString } from "../../abi/bytes.js";
import { MapType, Status } from "../../abi/enums.js";
import type { PropertyValue } from "../../host/stream-port.js";
import { HeaderMap } from "../header-map.js";
import type { PropertyReader, StreamProperties } from "../plugin-filter.js";
import { grpcStatusOf } from "../local-reply.js";
import { declaredProperty } from "./foreign/declare-property.js";
import type { Property } from "./property-value.js";
import { encodeProperty } from "./property-value.js";
import { StreamInfo } from "./stream-info.js";

/** What an attribute is computed from: the stream, and the maps that the plugin may read at this moment. */
interface Source {
  readonly info: StreamInfo;
  readonly filter: PropertyReader;
  /** Undefined while the plugin has no access: header-based attributes are NOT_FOUND then. */
  readonly request: HeaderMap | undefined;
  readonly response: HeaderMap | undefined;
}

/** An attribute's value; undefined is NOT_FOUND. Byte strings are wrapped in `Latin1` so that they stay bytes. */
type Attribute = (source: Source) => Property | Latin1;

export type AttributeValue = ReturnType<Attribute> | HeaderMap;

/** A header's bytes, not to be encoded as UTF-8. */
export class Latin1 {
  readonly text: ByteString;
  constructor(text: ByteString) {
    this.text = text;
  }
}

const raw = (text: ByteString | undefined): Latin1 | undefined => (text === undefined ? undefined : new Latin1(text));
const header =
  (name: string): Attribute =>
  ({ request }) =>
    raw(request?.first(name));
const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(":") + 1));
const nanoseconds = (ns: number | undefined): bigint | undefined => (ns === undefined ? undefined : BigInt(ns));

/** Attributes of [E] §5.3 by path. Those of TLS are NOT_FOUND here: a test that wants them sets them. */
const attributes: Readonly<Record<string, Attribute>> = {
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
  "request.headers_bytes": ({ request }) => request?.byteSize ?? 0,
  "request.duration": ({ info }) => nanoseconds(info.durationNs),
  "response.code": ({ filter }) => {
    const status = filter.stream.responseHeaders?.first(":status");
    return status !== undefined && /^\d+$/.test(status) ? Number(status) : undefined;
  },
  "response.code_details": ({ filter }) => raw(filter.stream.responseCodeDetails),
  "response.flags": ({ info }) => info.responseFlags,
  "response.grpc_status": ({ filter }) => {
    const { responseHeaders, responseTrailers } = filter.stream;
    const given = responseTrailers?.first("grpc-status") ?? responseHeaders?.first("grpc-status");
    if (given !== undefined) return Number(given);
    const status = responseHeaders?.first(":status");
    return status === undefined ? undefined : grpcStatusOf(Number(status));
  },
  "response.size": ({ info }) => info.responseBytes,
  "response.total_size": ({ info, response }) => info.responseBytes + (response?.byteSize ?? 0),
  "response.headers_bytes": ({ response }) => response?.byteSize ?? 0,
  "response.backend_latency": ({ info }) => nanoseconds(info.upstream?.backendLatencyNs),
  connection_id: ({ info }) => info.connectionId,
  "connection.id": ({ info }) => info.connectionId,
  "connection.mtls": () => false,
  "connection.requested_server_name": () => "",
  "upstream.address": ({ info }) => info.upstream?.address,
  "upstream.port": ({ info }) => info.upstream && portOf(info.upstream.address),
  "upstream.local_address": ({ info }) => info.upstream?.localAddress,
  "upstream.transport_failure_reason": ({ info }) => info.upstream && "",
  "upstream.request_attempt_count": ({ info }) => info.upstream?.requestAttemptCount ?? 0,
  "source.address": ({ info }) => info.sourceAddress,
  "source.port": ({ info }) => portOf(info.sourceAddress),
  "destination.address": ({ info }) => info.destinationAddress,
  "destination.port": ({ info }) => portOf(info.destinationAddress),
  "xds.route_name": ({ info }) => info.routeName,
  "xds.cluster_name": ({ info }) => info.clusterName,
};

/** Maps of headers: a third segment is a name, and repeated ones are joined with a comma. */
const headerMaps: Readonly<Record<string, (source: Source) => HeaderMap | undefined>> = {
  "request.headers": ({ request }) => request,
  "response.headers": ({ response }) => response,
  "response.trailers": ({ filter }) => filter.liveFields(MapType.ResponseTrailers),
};

/** First segments that are groups: by themselves they have no bytes. */
const groups: ReadonlySet<string> = new Set([
  "request",
  "response",
  "connection",
  "upstream",
  "source",
  "destination",
  "xds",
  "filter_state",
  "upstream_filter_state",
  "metadata",
]);

/** Names that a property can have, for suggestions. */
export const attributeNames: readonly string[] = [
  ...Object.keys(attributes),
  ...Object.keys(headerMaps),
  "plugin_name",
  "plugin_root_id",
  "plugin_vm_id",
];

/** Is this the name of a group of attributes? */
export const isGroup = (name: string): boolean => groups.has(name);

function sourceOf(info: StreamInfo, filter: PropertyReader): Source {
  return {
    info,
    filter,
    request: filter.liveFields(MapType.RequestHeaders),
    response: filter.liveFields(MapType.ResponseHeaders),
  };
}

/** A property of a stream, as a plugin reads it at this moment. [E] Context::findValue */
function streamProperty(info: StreamInfo, filter: PropertyReader, segments: readonly ByteString[]): PropertyValue {
  const set = overridden(info.properties, segments);
  if (set !== undefined) return set;
  const source = sourceOf(info, filter);
  const [first, second] = segments as readonly [string, ...string[]];
  // the names come from a guest: they may be anything, those of Object's prototype too, and dots divide nothing
  const single = !first.includes(".") && Object.hasOwn(attributes, first);
  if (!groups.has(first) && !single) return stored(info, segments);
  if (first === "filter_state" && second !== undefined) {
    const state = info.filterState.get(second);
    return segments.length === 2 && state !== undefined ? state : Status.NotFound;
  }
  const depth = single ? 1 : 2;
  const path = segments.slice(0, depth).join(".");
  const map = Object.hasOwn(headerMaps, path) ? headerMaps[path] : undefined;
  if (map !== undefined) return headerProperty(map(source), segments.slice(2));
  const attribute = Object.hasOwn(attributes, path) ? attributes[path] : undefined;
  if (attribute === undefined) return segments.length === 1 ? Status.SerializationFailure : Status.NotFound;
  const value = attribute(source);
  if (segments.length > depth) return Status.NotFound;
  return value instanceof Latin1 ? value.text : encodeProperty(value);
}

/** A property without a stream: only those the test sets, and groups. */
export function processProperty(
  properties: Readonly<Record<string, Property>>,
  segments: readonly ByteString[],
): PropertyValue {
  const set = overridden(properties, segments);
  if (set !== undefined) return set;
  return segments.length === 1 && segments[0] === "xds" ? Status.SerializationFailure : Status.NotFound;
}

/** What a proxy knows of a stream, with the properties that its plugins read and set. */
export class EnvoyStream extends StreamInfo implements StreamProperties {
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
    if (Object.hasOwn(headerMaps, path)) return headerMaps[path]!(sourceOf(this, filter)) ?? new HeaderMap("request");
    return Object.hasOwn(attributes, path) ? attributes[path]!(sourceOf(this, filter)) : undefined;
  }
}

/** What the test set: the longest prefix of the path that it names, stepped into with the rest. */
function overridden(
  properties: Readonly<Record<string, Property>>,
  segments: readonly ByteString[],
): PropertyValue | undefined {
  for (let length = segments.length; length > 0; length--) {
    const path = segments.slice(0, length).join(".");
    if (Object.hasOwn(properties, path)) return encodeProperty(properties[path], segments.slice(length));
  }
  return undefined;
}

function stored(info: StreamInfo, segments: readonly ByteString[]): PropertyValue {
  const value = info.filterState.get(`wasm.${segments[0]!}`);
  return value === undefined || segments.length > 1 ? Status.NotFound : value;
}

function headerProperty(map: HeaderMap | undefined, rest: readonly ByteString[]): PropertyValue {
  const [name] = rest;
  if (name === undefined) {
    const encoded = map?.encoded();
    return map === undefined || map.count === 0 ? "" : encoded!;
  }
  if (rest.length > 1) return Status.NotFound;
  const values = map?.getAll(name) ?? [];
  return values.length === 0 ? Status.NotFound : values.join(",");
}
