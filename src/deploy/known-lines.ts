/** How a module comes to the proxy. */
export type Delivery = "file" | "download" | "image";

/** A line of a proxy's log that says what is wrong. */
export interface KnownLine {
  /** A part that does not change. */
  readonly line: string;
  readonly means: string;
  readonly todo: string;
  /** Where it can appear. Default: everywhere. */
  readonly delivery?: readonly Delivery[];
}

/** Deployment reference, 2.13 and 9; lines of Envoy are those of 1.36 to 1.40. */
export const knownLines: readonly KnownLine[] = [
  {
    line: "Invalid path: ",
    means:
      "the file is not in the sidecar: no mount, another key in the ConfigMap, or the EnvoyFilter came before the new pods",
    todo: "look at the mount (ls, above); restart the pods; then apply the EnvoyFilter again",
    delivery: ["file"],
  },
  {
    line: "Failed to parse corrupted Wasm module",
    means: "what was read is no module: text, gzip, a part of one",
    todo: "compare sha256sum of the file in the pod with the one at the head of the manifests",
  },
  {
    line: "Failed to load Wasm module due to a missing import: ",
    means: "the module calls what this release does not offer",
    todo: "pwh preflight filter.wasm --target istio=… names the function and the release that has it",
  },
  {
    line: "Missing or unknown Proxy-Wasm ABI version",
    means: "no proxy-wasm module, or one that lost its exports",
    todo: "pwh inspect filter.wasm; build it as a filter",
  },
  {
    line: "Wasm module is missing malloc function.",
    means: "neither malloc nor proxy_on_memory_allocate is exported",
    todo: "build it with the exports that the SDK asks for",
  },
  {
    line: "Unable to create Wasm plugin ",
    means: "the end of each of the above; the listener is refused, whatever the failure policy, and the old one stays",
    todo: "read the line before it",
  },
  {
    line: "Didn't find a registered implementation for ",
    means: "@type or type_url is wrong or missing",
    todo: "pwh lint names it",
  },
  {
    line: "config received from XDS server, but was rejected",
    means: "the sidecar is not ready since a listener was refused",
    todo: "read the warnings before it, in the log of istio-proxy",
  },
  {
    line: "Missing root context factory for root id: ",
    means: "root_id (pluginName, rootID) is not one that the module registered",
    todo: "write the registered one; deploy it again with --root-id",
  },
  {
    line: "createWasm: failed to load (in progress)",
    means: "Envoy downloads it at the moment",
    todo: "wait; when it stays, the cluster of the URI is not there or does not answer",
    delivery: ["download"],
  },
  {
    line: "cannot fetch Wasm module",
    means: "the agent could not download it; until it can, requests get 403 or pass, as the failure policy says",
    todo: "look at the rest of the line: registry, pull secret, form of the image",
    delivery: ["image", "download"],
  },
  {
    line: ", which does not match: ",
    means: "sha256 is not that of what was downloaded; for an image it is the manifest's, not the module's",
    todo: "write the digest that pwh deploy oci printed, or leave sha256 out and name the image by its digest",
    delivery: ["image", "download"],
  },
];
