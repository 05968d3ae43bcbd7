import { checkNames, refusal } from "./checks.js";
import type { PluginSettings } from "./plugin-config.js";
import { comment, manifest, text } from "./yaml.js";

export interface EnvoyExtensionPolicyOptions extends Pick<PluginSettings, "rootId" | "configuration" | "failOpen"> {
  readonly name: string;
  readonly namespace?: string;
  /** What it is for, in the same namespace: `HTTPRoute/shop`, `Gateway/eg`. */
  readonly target: string;
  /** `oci://registry/image:tag` or `https://…`. */
  readonly url: string;
  /** Of the module over HTTP; of the manifest of an image. */
  readonly sha256?: string;
  readonly pullSecret?: string;
}

const kinds = ["Gateway", "HTTPRoute", "GRPCRoute"];

/**
 * A policy of Envoy Gateway, since 1.1. Its controller fetches the module and serves it to the proxies.
 *
 * @throws {HarnessError} OPTION_INVALID for what Kubernetes or that controller refuses, and a configuration that is not JSON.
 */
export function envoyExtensionPolicy(options: EnvoyExtensionPolicyOptions): string {
  const { name, namespace, target, url, sha256, pullSecret, rootId, configuration, failOpen } = options;
  checkNames({ name, namespace });
  const [, kind, of] = /^([A-Za-z]+)\/([^/]+)$/.exec(target) ?? [];
  if (kind === undefined || !kinds.includes(kind))
    throw refusal(`"${target}" is no target: write ${kinds.map((one) => `${one}/name`).join(", ")}`);
  checkNames({ name: of!, namespace: undefined });
  const document = manifest({
    apiVersion: "gateway.envoyproxy.io/v1alpha1",
    kind: "EnvoyExtensionPolicy",
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    spec: {
      targetRefs: [{ group: "gateway.networking.k8s.io", kind, name: of }],
      wasm: [
        {
          name,
          ...(rootId !== undefined && { rootID: rootId }),
          failOpen: failOpen === true,
          ...(configuration !== undefined && configuration !== "" && { config: jsonOf(configuration) }),
          code: codeOf(url, sha256, pullSecret),
        },
      ],
    },
  });
  const at = ["spec", "wasm", 0];
  comment(
    document,
    at,
    "config",
    "Envoy Gateway writes it anew: spaces and the order of members may be others in the plugin",
  );
  if (url.startsWith("oci:"))
    comment(document, [...at, "code", "image"], "sha256", "the digest of the image's manifest, not of the module");
  return text(document);
}

function codeOf(url: string, sha256: string | undefined, pullSecret: string | undefined): object {
  const digest = sha256 !== undefined && { sha256 };
  if (/^https?:\/\/[^/]+\/.+/.test(url)) {
    if (pullSecret !== undefined) throw refusal("a pull secret is for images");
    return { type: "HTTP", http: { url, ...digest } };
  }
  if (!/^oci:\/\/[^/]+\/.+/.test(url)) throw refusal(`"${url}" is no oci:// or https:// address of a module`);
  const secret = pullSecret !== undefined && { pullSecretRef: { name: pullSecret } };
  return { type: "Image", image: { url: url.slice("oci://".length), ...digest, ...secret } };
}

function jsonOf(configuration: string): unknown {
  try {
    return JSON.parse(configuration);
  } catch (thrown) {
    throw refusal(`the configuration is not the JSON that an EnvoyExtensionPolicy takes: ${(thrown as Error).message}`);
  }
}
