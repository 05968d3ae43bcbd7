import type { FilterMetadata, Locality, NodeSettings } from "./config-messages.js";
import type { Property } from "./property-value.js";

/** What a test may write for each kind of attribute. Bytes, null (no bytes) and undefined (not there) are always possible. */
interface KindValues {
  text: string;
  /** int64 or uint64; times and durations are nanoseconds. */
  int: number | bigint;
  bool: boolean;
  /** Values by name in lower case, repeated ones joined with commas. */
  headers: { readonly [name: string]: string };
  metadata: FilterMetadata;
  node: NodeSettings;
  locality: Locality;
}

export type AttributeKind = keyof KindValues;

/** The certificates of a connection with TLS. */
const tls = <Group extends string>(group: Group) =>
  ({
    [`${group}.tls_version`]: "text",
    [`${group}.subject_local_certificate`]: "text",
    [`${group}.subject_peer_certificate`]: "text",
    [`${group}.dns_san_local_certificate`]: "text",
    [`${group}.dns_san_peer_certificate`]: "text",
    [`${group}.uri_san_local_certificate`]: "text",
    [`${group}.uri_san_peer_certificate`]: "text",
    [`${group}.sha256_peer_certificate_digest`]: "text",
  }) as { readonly [Name in TlsName as `${Group}.${Name}`]: "text" };

type TlsName =
  | "tls_version"
  | `${"subject" | "dns_san" | "uri_san"}_${"local" | "peer"}_certificate`
  | "sha256_peer_certificate_digest";

/** All attributes of [E] §5.3 by path, those under `filter_state` and the plugin's own names apart. */
export const attributeKinds = {
  "request.path": "text",
  "request.url_path": "text",
  "request.query": "text",
  "request.host": "text",
  "request.scheme": "text",
  "request.method": "text",
  "request.referer": "text",
  "request.useragent": "text",
  "request.id": "text",
  "request.headers": "headers",
  "request.time": "int",
  "request.protocol": "text",
  "request.size": "int",
  "request.total_size": "int",
  "request.headers_bytes": "int",
  "request.duration": "int",
  "response.code": "int",
  "response.code_details": "text",
  "response.flags": "int",
  "response.grpc_status": "int",
  "response.headers": "headers",
  "response.trailers": "headers",
  "response.size": "int",
  "response.total_size": "int",
  "response.headers_bytes": "int",
  "response.backend_latency": "int",
  connection_id: "int",
  "connection.id": "int",
  "connection.mtls": "bool",
  "connection.requested_server_name": "text",
  "connection.termination_details": "text",
  "connection.transport_failure_reason": "text",
  ...tls("connection"),
  "upstream.address": "text",
  "upstream.port": "int",
  "upstream.local_address": "text",
  "upstream.transport_failure_reason": "text",
  "upstream.locality": "locality",
  "upstream.request_attempt_count": "int",
  "upstream.num_endpoints": "int",
  "upstream.cx_pool_ready_duration": "int",
  ...tls("upstream"),
  "source.address": "text",
  "source.port": "int",
  "destination.address": "text",
  "destination.port": "int",
  metadata: "metadata",
  "xds.node": "node",
  "xds.cluster_name": "text",
  "xds.cluster_metadata": "metadata",
  "xds.route_name": "text",
  "xds.route_metadata": "metadata",
  "xds.virtual_host_name": "text",
  "xds.virtual_host_metadata": "metadata",
  "xds.upstream_host_metadata": "metadata",
  "xds.upstream_host_locality_metadata": "metadata",
  "xds.filter_chain_name": "text",
  "xds.listener_metadata": "metadata",
  "xds.listener_direction": "int",
} as const satisfies Readonly<Record<string, AttributeKind>>;

export type AttributePath = keyof typeof attributeKinds;

/** The kind of an attribute; undefined when there is none of that path. */
export function attributeKind(path: string): AttributeKind | undefined {
  return Object.hasOwn(attributeKinds, path) ? attributeKinds[path as AttributePath] : undefined;
}

/** First segments that are groups: by themselves they have no bytes. */
export const attributeGroups: ReadonlySet<string> = new Set([
  ...Object.keys(attributeKinds).flatMap((path) => (path.includes(".") ? [path.slice(0, path.indexOf("."))] : [])),
  "filter_state",
  "upstream_filter_state",
]);

/** Up to Envoy 1.32 these could be read without `xds` before them. [D] changelog of 1.33.0, not recorded */
export const topLevelNames: ReadonlySet<string> = new Set([
  "node",
  "cluster_name",
  "cluster_metadata",
  "route_name",
  "route_metadata",
  "listener_direction",
  "listener_metadata",
  "upstream_host_metadata",
]);

/** Attributes with their types. */
export type KnownProperties = {
  readonly [Path in AttributePath]?: KindValues[(typeof attributeKinds)[Path]] | Uint8Array | null | undefined;
};

/**
 * Properties of a stream that a test sets, by path with dots: they win over what the exchange has, in every phase.
 *
 * Attributes have their types; below maps and messages a path goes on: `request.headers.x-team`,
 * `xds.node.metadata.NAME`. What another filter leaves in the filter state is `filter_state.<name>`; for what a plugin sets
 * with proxy_set_property, `filter_state.wasm.<name>`, the name alone is enough.
 */
export type StreamProperties = KnownProperties & { readonly [path: string]: Property };
