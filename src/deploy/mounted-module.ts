import { createHash } from "node:crypto";
import { sizeLimits } from "../manifest/limits.js";
import { isSubdomain } from "../manifest/names.js";
import { checkNames, refusal, refusedName } from "./checks.js";
import { manifest, text, yaml } from "./yaml.js";

export interface MountedModuleOptions {
  readonly module: Uint8Array;
  /** `http-headers.wasm` */
  readonly fileName: string;
  readonly namespace?: string;
  /** Names carry the module's hash, so that a new module restarts pods. Default false. */
  readonly hashed?: boolean;
  /** The ConfigMap cannot be changed. Default false. */
  readonly immutable?: boolean;
  /** Default `/var/local/lib/wasm-filters`. */
  readonly mountPath?: string;
}

const volume = "wasmfilters-dir";

/** A module in a ConfigMap that pods mount: its names, and the documents that bring it there. */
export class MountedModule {
  /** The module's name without `.wasm`: objects are named after it. */
  readonly base: string;
  /** Of the ConfigMap. */
  readonly configMapName: string;
  /** The key in the ConfigMap, and the file's name in the pod. */
  readonly file: string;
  readonly sha256: string;
  private readonly _options: MountedModuleOptions;
  private readonly _mountPath: string;

  /** @throws {HarnessError} OPTION_INVALID for names that Kubernetes refuses, and a mount path that is none. */
  constructor(options: MountedModuleOptions) {
    const { module, fileName, namespace, hashed = false, mountPath = "/var/local/lib/wasm-filters" } = options;
    this._options = options;
    this.base = fileName.replace(/\.wasm$/, "");
    this.sha256 = createHash("sha256").update(module).digest("hex");
    const tail = hashed ? `-${this.sha256.slice(0, 12)}` : "";
    this.file = `${this.base}${tail}.wasm`;
    this.configMapName = `${this.base}-wasm${tail}`;
    this._mountPath = mountPath;
    // what is appended to the module's name has to fit, too
    if (!isSubdomain(`${this.base}-wasm-000000000000`)) throw refusedName("module", this.base);
    checkNames({ name: this.configMapName, namespace });
    if (!/^\/[^\0,:]*$/.test(mountPath))
      throw refusal(`the mount path "${mountPath}" is not absolute, or has a colon or a comma`);
  }

  /** Where the proxy reads it. */
  get path(): string {
    return `${this._mountPath.replace(/\/$/, "")}/${this.file}`;
  }

  /** @throws {HarnessError} OPTION_INVALID for a module over a ConfigMap's limit. */
  configMap(): string {
    const { module, fileName, namespace, immutable = false } = this._options;
    if (module.length > sizeLimits.configMap) {
      throw refusal(
        `${fileName} has ${module.length} bytes, and a ConfigMap holds ${sizeLimits.configMap}: bring it as an image (pwh deploy oci) or over HTTP with its sha256, or make it smaller (tinygo -opt=z -no-debug, wasm-opt -Oz)`,
      );
    }
    return yaml({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: this.configMapName, ...(namespace !== undefined && { namespace }) },
      ...(immutable && { immutable }),
      binaryData: { [this.file]: Buffer.from(module).toString("base64") },
    });
  }

  /** Of a Deployment whose sidecars are injected: annotations, with the spacing of the seed, so that texts can be compared too. */
  sidecarPatch(): object {
    const [mount, name, map] = [this._mountPath, volume, this.configMapName].map((one) => JSON.stringify(one));
    const annotations = {
      "sidecar.istio.io/userVolume": `[{"name":${name},"configMap": {"name": ${map}}}]`,
      "sidecar.istio.io/userVolumeMount": `[{"mountPath":${mount},"name":${name}}]`,
    };
    return { spec: { template: { metadata: { annotations } } } };
  }

  /** Of a gateway's Deployment, whose proxy stands in the pod template: the annotations do nothing there. */
  gatewayPatch(): object {
    const volumeMounts = [{ name: volume, mountPath: this._mountPath, readOnly: true }];
    return {
      spec: {
        template: {
          spec: {
            volumes: [{ name: volume, configMap: { name: this.configMapName } }],
            containers: [{ name: "istio-proxy", volumeMounts }],
          },
        },
      },
    };
  }
}

/** A strategic merge patch as `kubectl patch --patch-file` takes it; with the Deployment's name, as Kustomize does. */
export function patchText(patch: object, deployment?: string): string {
  const head = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: deployment } };
  return text(manifest(deployment === undefined ? patch : { ...head, ...patch }));
}

/** The same as one command of a POSIX shell. */
export function patchCommand(patch: object, deployment: string, namespace: string | undefined): string {
  const where = namespace === undefined ? "" : `-n ${namespace} `;
  return `kubectl ${where}patch deployment ${deployment} -p '${JSON.stringify(patch).replaceAll("'", `'\\''`)}'\n`;
}
