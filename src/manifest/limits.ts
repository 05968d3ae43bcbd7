/** Bytes that fit into each way of bringing a module to a proxy. Deployment reference, sections 3.1, 4 and 5.3; run as 14 tells. */
export const sizeLimits = {
  /** All values of a ConfigMap, decoded. The API server refuses more. */
  configMap: 1_048_576,
  /** One request to etcd: `etcdserver: request is too large`. */
  etcdRequest: 1_572_864,
  /** One request to the API server. */
  apiRequest: 3_145_728,
  /** All annotations of an object together; client-side `kubectl apply` stores the whole object in one. */
  annotations: 262_144,
  /** A module that Istio downloads, unless ISTIO_WASM_MAX_BINARY_SIZE_BYTES says otherwise. */
  istioDownload: 256 * 1024 * 1024,
} as const;

/** Key of the annotation in which client-side `kubectl apply` keeps the object. */
export const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * The largest module whose ConfigMap survives client-side `kubectl apply`.
 *
 * @param objectBytes Of the object's JSON without the module. Default: the names `http-headers-wasm`, `http-headers.wasm` in `default`.
 */
export function clientSideApplyLimit(objectBytes = 156): number {
  const left = sizeLimits.annotations - lastApplied.length - objectBytes;
  return Math.floor(left / 4) * 3;
}

/** The largest module that can stand in an EnvoyFilter as `inline_bytes`, with some room for the rest of the object. */
export const inlineBytesLimit = Math.floor((sizeLimits.etcdRequest - 4096) / 4) * 3;
