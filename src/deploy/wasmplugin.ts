import { checkNames, checkPort, refusal } from "./checks.js";
import { needs } from "./istio-release.js";
import type { PluginSettings } from "./plugin-config.js";
import { configurationObject } from "./plugin-config.js";
import { comment, manifest, text } from "./yaml.js";

export const phases = ["AUTHN", "AUTHZ", "STATS"] as const;
export type Phase = (typeof phases)[number];

/** Which requests: those that come in (`SERVER`), those that go out and through gateways (`CLIENT`). */
export type TrafficMode = "SERVER" | "CLIENT" | "CLIENT_AND_SERVER";

export interface WasmPluginOptions extends Omit<PluginSettings, "pluginName" | "vmId" | "runtime" | "failurePolicy"> {
  readonly name: string;
  readonly namespace?: string;
  /** Of the pods. Default: those of the namespace; of the mesh in Istio's own. */
  readonly labels?: Readonly<Record<string, string>>;
  /** A Gateway, or what a waypoint serves, instead of labels: `Gateway/name`, `Service/name`. */
  readonly target?: string;
  /** `oci://…`, `https://…`, or `file:///…` of a mounted module. */
  readonly url: string;
  /** Of the module over HTTP; of the manifest of an image. Not written for a file, of which Istio checks none. */
  readonly sha256?: string;
  readonly pullSecret?: string;
  readonly phase?: Phase;
  readonly priority?: number;
  /** Default: all traffic. */
  readonly mode?: TrafficMode;
  readonly port?: number;
  /** Istio 1.27 and newer start a failed VM anew. */
  readonly reloads?: boolean;
  /** The minor release it is for, `1.24`: what that lacks is refused. Default: the newest. */
  readonly istio?: string;
}

/**
 * A WasmPlugin, since Istio 1.12.
 *
 * @throws {HarnessError} OPTION_INVALID for what that release or Kubernetes refuses, and a configuration that is no JSON object.
 */
export function wasmPlugin(options: WasmPluginOptions): string {
  needs(options.istio, 12, "WasmPlugin", "use pwh deploy all, an EnvoyFilter with a ConfigMap");
  const { where, match, wasm, order } = parts(options);
  return finished("WasmPlugin", options, { ...where, ...wasm, ...order, ...match });
}

/**
 * A TrafficExtension, since Istio 1.30.
 *
 * @throws {HarnessError} As `wasmPlugin`.
 */
export function trafficExtension(options: WasmPluginOptions): string {
  needs(options.istio, 30, "TrafficExtension", "use pwh deploy wasmplugin");
  const { where, match, wasm, order } = parts(options);
  return finished("TrafficExtension", options, { ...where, ...order, ...match, wasm });
}

function finished(kind: string, { name, namespace, url }: WasmPluginOptions, spec: object): string {
  const document = manifest({
    apiVersion: "extensions.istio.io/v1alpha1",
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    spec,
  });
  const at = kind === "WasmPlugin" ? ["spec"] : ["spec", "wasm"];
  if (url.startsWith("oci:")) comment(document, at, "sha256", "the digest of the image's manifest, not of the module");
  comment(document, at, "pluginName", "Istio hands it to Envoy as root_id");
  comment(
    document,
    at,
    "pluginConfig",
    "Istio writes it anew: spaces and the order of members may be others in the plugin",
  );
  return text(document);
}

function parts(options: WasmPluginOptions) {
  const { labels, target, url, sha256, pullSecret, rootId, configuration, phase, priority, istio, port, mode } =
    options;
  const { failOpen, reloads, environment } = options;
  checkNames({ name: options.name, namespace: options.namespace });
  checkPort(port);
  if (labels !== undefined && target !== undefined)
    throw refusal("it selects pods by labels or names a target, not both");
  if (!/^(oci|https?):\/\/[^/]+\/.+|^file:\/\/\/.+/.test(url))
    throw refusal(`"${url}" is no oci://, https://, http:// or file:/// address of a module`);
  if (target !== undefined) needs(istio, 22, "targetRefs", "select pods with --label");
  if (pullSecret !== undefined) needs(istio, 14, "imagePullSecret that works", "use a registry that asks for none");
  if (port !== undefined || mode !== undefined) needs(istio, 16, "match", "leave --port and --context out");
  if (failOpen === true || reloads === true) needs(istio, 19, "failStrategy", "leave --fail-open out");
  if (reloads === true) needs(istio, 27, "FAIL_RELOAD", "use --fail-open, or none for closed");
  if (reloads === true && failOpen === true) throw refusal("it fails open or is started anew, not both");
  const variables = Object.entries(environment ?? {});
  if (variables.length > 0) needs(istio, 14, "vmConfig.env", "leave --env out");
  const isFile = url.startsWith("file:");
  const config =
    configuration === undefined || configuration === ""
      ? undefined
      : configurationObject(configuration, "pluginConfig");
  return {
    where: {
      ...(labels !== undefined && { selector: { matchLabels: labels } }),
      ...(target !== undefined && { targetRefs: [targetRef(target)] }),
    },
    order: {
      ...(phase !== undefined && { phase }),
      ...(priority !== undefined && { priority }),
    },
    match: (port !== undefined || mode !== undefined) && {
      match: [{ ...(mode !== undefined && { mode }), ...(port !== undefined && { ports: [{ number: port }] }) }],
    },
    wasm: {
      url,
      ...(sha256 !== undefined && !isFile && { sha256 }),
      ...(pullSecret !== undefined && { imagePullSecret: pullSecret }),
      ...(rootId !== undefined && { pluginName: rootId }),
      ...((failOpen === true || reloads === true) && { failStrategy: failOpen === true ? "FAIL_OPEN" : "FAIL_RELOAD" }),
      ...(config !== undefined && { pluginConfig: config }),
      ...(variables.length > 0 && { vmConfig: { env: variables.map(([name, value]) => ({ name, value })) } }),
    },
  };
}

const groups: Readonly<Record<string, string>> = {
  Gateway: "gateway.networking.k8s.io",
  GatewayClass: "gateway.networking.k8s.io",
  Service: "",
  ServiceEntry: "networking.istio.io",
};

function targetRef(target: string): object {
  const [, kind, name] = /^([A-Za-z]+)\/([^/]+)$/.exec(target) ?? [];
  const group = kind === undefined || !Object.hasOwn(groups, kind) ? undefined : groups[kind];
  if (group === undefined)
    throw refusal(`"${target}" is no target: write Gateway/name, Service/name, GatewayClass/name or ServiceEntry/name`);
  checkNames({ name: name!, namespace: undefined });
  return { group, kind, name };
}
