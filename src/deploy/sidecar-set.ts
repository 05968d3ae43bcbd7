import { createHash } from "node:crypto";
import { sizeLimits } from "../manifest/limits.js";
import { isLabelName, isSubdomain } from "../manifest/names.js";
import { comment, manifest, refusal, refusedName, text, yaml } from "./yaml.js";

/** Where a filter stands among a sidecar's listeners. */
export type PatchContext = "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND" | "GATEWAY" | "ANY";
export const patchContexts: readonly PatchContext[] = ["SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY", "ANY"];

/** What brings a module to the sidecars of one workload: a ConfigMap, a patch of the Deployment that mounts it, an EnvoyFilter. */
export interface SidecarSetOptions {
  readonly module: Uint8Array;
  /** The key in the ConfigMap and the name in the pod: `http-headers.wasm`. */
  readonly fileName: string;
  /** The Deployment. */
  readonly deployment: string;
  /** Labels of its pods. Default `app: <deployment>`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: none is written; they land where they are applied. */
  readonly namespace?: string;
  /** The port of the listener: inbound the container's, outbound the Service's. Default: every one. */
  readonly port?: number;
  /** Default SIDECAR_INBOUND. */
  readonly context?: PatchContext;
  /** Only sidecars of this minor release, `1.11`. Default: any. */
  readonly istio?: string;
  /** Plugin configuration as text; it is written as a StringValue. */
  readonly configuration?: string;
  readonly rootId?: string;
  readonly vmId?: string;
  /** Requests pass when the plugin fails. Default false. */
  readonly failOpen?: boolean;
  /** Names carry the module's hash, so that a new module restarts pods. Default false. */
  readonly hashed?: boolean;
  /** The ConfigMap cannot be changed. Default false. */
  readonly immutable?: boolean;
  /** Default `/var/local/lib/wasm-filters`. */
  readonly mountPath?: string;
}

/** A file by its name, in the order in which they are applied. */
export type ManifestFile = readonly [name: string, text: string];

/**
 * The set for a sidecar of Istio, as the seed has it. The same options give the same bytes.
 *
 * @throws {HarnessError} OPTION_INVALID for names that Kubernetes refuses, a port that is none, a module over a ConfigMap's limit.
 */
export function sidecarSet(options: SidecarSetOptions): ManifestFile[] {
  const set = new SidecarSet(options);
  return [
    ["configmap.yaml", set.configMap()],
    ["deployment-patch.yaml", set.deploymentPatch()],
    ["deployment-patch.sh", set.patchCommand()],
    ["envoyfilter.yaml", set.envoyFilter()],
  ];
}

const volume = "wasmfilters-dir";
const filterName = "envoy.filters.http.wasm";

class SidecarSet {
  private readonly _options: SidecarSetOptions;
  private readonly _file: string;
  private readonly _base: string;
  private readonly _configMap: string;
  private readonly _mountPath: string;

  constructor(options: SidecarSetOptions) {
    const { module, fileName, deployment, namespace, port, hashed = false, istio } = options;
    this._options = options;
    this._base = fileName.replace(/\.wasm$/, "");
    const tail = hashed ? `-${createHash("sha256").update(module).digest("hex").slice(0, 12)}` : "";
    this._file = `${this._base}${tail}.wasm`;
    this._configMap = `${this._base}-wasm${tail}`;
    this._mountPath = options.mountPath ?? "/var/local/lib/wasm-filters";
    if (module.length > sizeLimits.configMap) {
      throw refusal(
        `${fileName} has ${module.length} bytes, and a ConfigMap holds ${sizeLimits.configMap}: bring it as an image (pwh deploy oci) or over HTTP with its sha256, or make it smaller (tinygo -opt=z -no-debug, wasm-opt -Oz)`,
      );
    }
    // what is appended to the module's name has to fit, too
    if (!isSubdomain(`${this._base}-wasm-000000000000`)) throw refusedName("module", this._base);
    if (!isSubdomain(deployment)) throw refusedName("--deployment", deployment);
    if (namespace !== undefined && !isLabelName(namespace)) throw refusedName("--namespace", namespace);
    if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535))
      throw refusal(`${port} is no port: ports are 1 to 65535`);
    if (istio !== undefined && !/^1\.\d+$/.test(istio))
      throw refusal(`"${istio}" is no minor release of Istio: write it as 1.11`);
    if (!/^\/[^\0,:]*$/.test(this._mountPath))
      throw refusal(`the mount path "${this._mountPath}" is not absolute, or has a colon or a comma`);
  }

  configMap(): string {
    const { module, namespace, immutable = false } = this._options;
    return yaml({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: this._configMap, ...(namespace !== undefined && { namespace }) },
      ...(immutable && { immutable }),
      binaryData: { [this._file]: Buffer.from(module).toString("base64") },
    });
  }

  /** With the spacing of the seed, so that texts can be compared too. */
  private _annotations(): Record<string, string> {
    const [mount, name, map] = [this._mountPath, volume, this._configMap].map((one) => JSON.stringify(one));
    return {
      "sidecar.istio.io/userVolume": `[{"name":${name},"configMap": {"name": ${map}}}]`,
      "sidecar.istio.io/userVolumeMount": `[{"mountPath":${mount},"name":${name}}]`,
    };
  }

  private _patch(): object {
    return { spec: { template: { metadata: { annotations: this._annotations() } } } };
  }

  deploymentPatch(): string {
    return yaml(this._patch());
  }

  /** For a POSIX shell. */
  patchCommand(): string {
    const { deployment, namespace } = this._options;
    const where = namespace === undefined ? "" : `-n ${namespace} `;
    const patch = JSON.stringify(this._patch()).replaceAll("'", `'\\''`);
    return `kubectl ${where}patch deployment ${deployment} -p '${patch}'\n`;
  }

  envoyFilter(): string {
    const {
      namespace,
      deployment,
      labels = { app: deployment },
      rootId,
      vmId,
      configuration,
      failOpen,
    } = this._options;
    const { context = "SIDECAR_INBOUND", port, istio } = this._options;
    const document = manifest({
      apiVersion: "networking.istio.io/v1alpha3",
      kind: "EnvoyFilter",
      metadata: { name: `${this._base}-filter`, ...(namespace !== undefined && { namespace }) },
      spec: {
        configPatches: [
          {
            applyTo: "HTTP_FILTER",
            match: {
              context,
              ...(istio !== undefined && { proxy: { proxyVersion: `^${istio.replace(".", "\\.")}.*` } }),
              listener: {
                ...(port !== undefined && { portNumber: port }),
                filterChain: {
                  filter: {
                    name: "envoy.filters.network.http_connection_manager",
                    subFilter: { name: "envoy.filters.http.router" },
                  },
                },
              },
            },
            patch: {
              operation: "INSERT_BEFORE",
              value: {
                name: filterName,
                typed_config: {
                  "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
                  type_url: `type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm`,
                  value: {
                    config: {
                      ...(rootId !== undefined && { root_id: rootId }),
                      ...(configuration !== undefined && {
                        configuration: {
                          "@type": "type.googleapis.com/google.protobuf.StringValue",
                          value: configuration,
                        },
                      }),
                      ...(failOpen === true && { fail_open: true }),
                      vm_config: {
                        ...(vmId !== undefined && { vm_id: vmId }),
                        code: { local: { filename: `${this._mountPath.replace(/\/$/, "")}/${this._file}` } },
                        runtime: "envoy.wasm.runtime.v8",
                        allow_precompiled: false,
                      },
                    },
                  },
                },
              },
            },
          },
        ],
        workloadSelector: { labels },
      },
    });
    const config = ["spec", "configPatches", 0, "patch", "value", "typed_config", "value", "config"];
    if (configuration !== undefined)
      comment(
        document,
        config,
        "configuration",
        "text as a StringValue: a Struct would reach the plugin as protobuf bytes",
      );
    comment(
      document,
      [...config],
      "vm_config",
      "the file is mounted from the ConfigMap: apply that and the Deployment's patch first",
    );
    return text(document);
  }
}
