import { resolve } from "node:path";
import type { FolderFile } from "../deploy/folders.js";
import type { ManifestFile } from "../deploy/sidecar-set.js";
import type { CommandOptions } from "./arguments.js";
import type { Given } from "./deploy-options.js";
import { manifestOptions } from "./deploy-options.js";
import { testedOptions } from "./deploy-tested.js";
import { UsageError } from "./errors.js";

/** A form in which a plugin comes to a proxy. */
export interface Target {
  readonly summary: string;
  /** Names of the options it takes, besides those of every target. */
  readonly options: readonly string[];
  /** Several files, into a folder. Default false. */
  readonly isFolder?: boolean;
  files(given: Given): Promise<readonly FolderFile[]> | readonly FolderFile[];
}

const plugin = ["config", "root-id"];
const host = [...plugin, "vm-id", "plugin-name", "runtime", "env", "fail-open", "failure-policy"];
const mounted = ["namespace", "hashed", "immutable", "mount-path"];
const listener = [
  "name",
  "label",
  "context",
  "port",
  "istio",
  "proxy-version",
  "insert",
  "anchor",
  "filter-name",
  "priority",
];
const set = [...host, ...mounted, ...listener, "deployment"];
const wasmPlugins = [
  ...plugin,
  "env",
  "fail-open",
  "failure-policy",
  "name",
  "namespace",
  "label",
  "target",
  "context",
  "port",
  "istio",
  "phase",
  "priority",
  "url",
  "sha256",
  "pull-secret",
];

const load = {
  set: () => import("../deploy/sidecar-set.js"),
  folders: () => import("../deploy/folders.js"),
  filter: () => import("../deploy/envoyfilter.js"),
  mounted: () => import("../deploy/mounted-module.js"),
  wasmPlugin: () => import("../deploy/wasmplugin.js"),
};

export const targets: Readonly<Record<string, Target>> = {
  all: {
    summary: "ConfigMap, Deployment patch and EnvoyFilter for a sidecar",
    options: set,
    isFolder: true,
    files: async (given) => (await load.set()).sidecarSet({ ...given, deployment: neededDeployment(given) }),
  },
  envoyfilter: {
    summary: "EnvoyFilter, for a mounted file or with --url",
    options: [...set.filter((name) => name !== "immutable"), "url", "sha256"],
    async files(given) {
      const [{ envoyFilter }, { MountedModule }] = await Promise.all([load.filter(), load.mounted()]);
      const { url } = given;
      const module = new MountedModule(given);
      const name = given.name ?? `${module.base}-filter`;
      const code = url === undefined ? { file: module.path } : { url, sha256: await digestOf(given, url) };
      return [["envoyfilter.yaml", envoyFilter({ ...given, name, labels: neededLabels(given), code })]];
    },
  },
  configmap: {
    summary: "ConfigMap with the module",
    options: mounted.filter((name) => name !== "mount-path"),
    files: async (given) => [["configmap.yaml", new (await load.mounted()).MountedModule(given).configMap()]],
  },
  "deployment-patch": {
    summary: "patch of a Deployment, whose sidecars mount the ConfigMap",
    options: [...mounted.filter((name) => name !== "immutable"), "deployment", "kustomize"],
    files: (given) => patchOf(given, "sidecarPatch"),
  },
  "gateway-patch": {
    summary: "patch of a gateway's Deployment, whose proxy mounts the ConfigMap",
    options: [...mounted.filter((name) => name !== "immutable"), "deployment", "kustomize"],
    files: (given) => patchOf(given, "gatewayPatch"),
  },
  wasmplugin: {
    summary: "WasmPlugin of Istio 1.12 and newer",
    options: wasmPlugins,
    files: async (given) => [["wasmplugin.yaml", (await load.wasmPlugin()).wasmPlugin(await wasmPluginOf(given))]],
  },
  trafficextension: {
    summary: "TrafficExtension of Istio 1.30 and newer",
    options: wasmPlugins,
    files: async (given) => [
      ["trafficextension.yaml", (await load.wasmPlugin()).trafficExtension(await wasmPluginOf(given))],
    ],
  },
  envoyextensionpolicy: {
    summary: "policy of Envoy Gateway",
    options: [...plugin, "fail-open", "name", "namespace", "target", "url", "sha256", "pull-secret"],
    async files(given) {
      const { envoyExtensionPolicy } = await import("../deploy/envoyextensionpolicy.js");
      const url = needed(given.url, "--url oci://registry/image:tag, or https://...");
      const target = needed(given.target, "--target HTTPRoute/name");
      const sha256 = await digestOf(given, url);
      const name = given.name ?? baseOf(given);
      return [["envoyextensionpolicy.yaml", envoyExtensionPolicy({ ...given, name, target, url, sha256 })]];
    },
  },
  bootstrap: {
    summary: "static configuration of an Envoy to run here",
    options: [...host, "name", "port", "upstream"],
    async files(given) {
      const { bootstrap } = await import("../deploy/bootstrap.js");
      return [["envoy.yaml", bootstrap({ ...given, name: given.name ?? baseOf(given), file: resolve(given.path) })]];
    },
  },
  kustomize: {
    summary: "folder with a component for Kustomize",
    options: set,
    isFolder: true,
    files: async (given) => (await load.folders()).kustomizeFolder({ ...given, deployment: neededDeployment(given) }),
  },
  helm: {
    summary: "folder with a chart for Helm",
    options: set,
    isFolder: true,
    files: async (given) => (await load.folders()).helmFolder({ ...given, deployment: neededDeployment(given) }),
  },
};

const always = ["output", "check", ...Object.keys(testedOptions)];

/** The options that a target takes. */
export const optionsOf = (target: Target): CommandOptions =>
  Object.fromEntries([...target.options, ...always].map((name) => [name, manifestOptions[name]!]));

function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new UsageError(`Cannot deploy: give ${what}`);
  return value;
}

const neededDeployment = ({ deployment }: Given): string =>
  needed(deployment, "the Deployment whose sidecars get the filter, with --deployment NAME");

const neededLabels = ({ labels, deployment }: Given): Readonly<Record<string, string>> =>
  labels ?? { app: needed(deployment, "labels of the pods with --label app=NAME, or --deployment NAME") };

const baseOf = ({ fileName }: Given): string => fileName.replace(/\.wasm$/, "");

async function patchOf(given: Given, kind: "sidecarPatch" | "gatewayPatch"): Promise<readonly ManifestFile[]> {
  const { MountedModule, patchText } = await load.mounted();
  const patch = new MountedModule(given)[kind]();
  const name = given.kustomize ? neededDeployment(given) : undefined;
  return [[kind === "sidecarPatch" ? "deployment-patch.yaml" : "gateway-patch.yaml", patchText(patch, name)]];
}

async function wasmPluginOf(given: Given) {
  const { context, target, labels, deployment, failurePolicy, failOpen } = given;
  const url = needed(given.url, "--url oci://registry/image:tag, https://... or file:///...");
  const selects = labels ?? (deployment === undefined ? undefined : { app: deployment });
  if (target === undefined && selects === undefined)
    throw new UsageError("Cannot deploy: say for which pods with --label app=NAME, or --target Gateway/name");
  const mode =
    context === "SIDECAR_INBOUND" ? "SERVER" : context === undefined || context === "ANY" ? undefined : "CLIENT";
  const { vmId: _1, pluginName: _2, runtime: _3, failurePolicy: _4, labels: _5, ...rest } = given;
  return {
    ...rest,
    name: given.name ?? baseOf(given),
    url,
    sha256: await digestOf(given, url),
    ...(selects && { labels: selects }),
    ...(mode && { mode: mode as "SERVER" | "CLIENT" }),
    failOpen: failOpen || failurePolicy === "FAIL_OPEN",
    reloads: failurePolicy === "FAIL_RELOAD",
  };
}

/** What the address's content is compared with: of the module itself, or of the manifest of the image that pwh deploy oci makes. */
async function digestOf({ module, sha256 }: Given, url: string): Promise<string> {
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256))
    throw new UsageError(`Cannot use --sha256 "${sha256}": it is 64 hexadecimal digits in lower case`);
  const { createHash } = await import("node:crypto");
  const own = createHash("sha256").update(module).digest("hex");
  if (!url.startsWith("oci:")) {
    if (sha256 !== undefined && sha256 !== own)
      throw new UsageError(`Cannot use --sha256 ${sha256}: that of the module is ${own}`);
    return own;
  }
  if (sha256 !== undefined) return sha256;
  const { ociImage } = await import("../deploy/oci.js");
  return ociImage(module).manifest.digest.replace("sha256:", "");
}
