import { clientSideApplyLimit, inlineBytesLimit, sizeLimits } from "../manifest/limits.js";

/** A way of bringing a module to a proxy, and whether one of this size can take it. */
export interface Delivery {
  readonly way: string;
  /** Bytes; undefined: none. */
  readonly limit: number | undefined;
  readonly fits: boolean;
  /** What to know or to do. */
  readonly note: string;
}

export function deliveriesOf(size: number): Delivery[] {
  const way = (name: string, limit: number | undefined, fitting: string, large = ""): Delivery => {
    const fits = limit === undefined || size <= limit;
    return { way: name, limit, fits, note: fits ? fitting : large };
  };
  return [
    way(
      "ConfigMap",
      sizeLimits.configMap,
      "kubectl create, kubectl replace or kubectl apply --server-side",
      "make it smaller, or send it as an OCI image with a WasmPlugin",
    ),
    way(
      "ConfigMap by plain kubectl apply",
      clientSideApplyLimit(),
      "the annotation that kubectl writes holds it; the limit falls with longer names",
      "metadata.annotations: Too long: may not be more than 262144 bytes; use --server-side, create or replace",
    ),
    way(
      "EnvoyFilter, inline_bytes",
      inlineBytesLimit,
      "every push of the configuration carries it",
      "etcdserver: request is too large; mount it or download it",
    ),
    way(
      "download by Istio (oci://, https://)",
      sizeLimits.istioDownload,
      "Istio 1.12 or later; from 1.30 ISTIO_WASM_MAX_BINARY_SIZE_BYTES sets the limit",
      "raise ISTIO_WASM_MAX_BINARY_SIZE_BYTES (from Istio 1.30)",
    ),
    way("file of the proxy's image or volume", undefined, "no limit of Envoy's"),
  ];
}

/**
 * V8 compiles all of it with its optimising compiler before Envoy serves. Envoy 1.40 took 1.5 s a megabyte, from 0.12 to 2.1 MB;
 * 2 s on another machine.
 */
const secondsPerByte = 2 / 1_000_000;

/** @param code Where the function bodies are; undefined: there are none. */
export function compileCost(code: { readonly start: number; readonly end: number } | undefined) {
  const core = code === undefined ? 0 : Math.round((code.end - code.start) * secondsPerByte * 100) / 100;
  return { core, tenthOfCore: Math.round(core * 1000) / 100 };
}
