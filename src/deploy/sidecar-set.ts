import { isSubdomain } from "../manifest/names.js";
import { refusedName } from "./checks.js";
import type { EnvoyFilterOptions } from "./envoyfilter.js";
import { envoyFilter } from "./envoyfilter.js";
import type { MountedModuleOptions } from "./mounted-module.js";
import { MountedModule, patchCommand, patchText } from "./mounted-module.js";

/** What brings a module to the sidecars of one workload: a ConfigMap, a patch of the Deployment that mounts it, an EnvoyFilter. */
export interface SidecarSetOptions
  extends MountedModuleOptions, Omit<EnvoyFilterOptions, "name" | "labels" | "code" | "namespace"> {
  /** The Deployment. */
  readonly deployment: string;
  /** Labels of its pods. Default `app: <deployment>`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Of the EnvoyFilter. Default `<module>-filter`. */
  readonly name?: string;
}

/** A file by its name, in the order in which they are applied. */
export type ManifestFile = readonly [name: string, text: string];

/**
 * The set for a sidecar of Istio, as the seed has it. The same options give the same bytes.
 *
 * @throws {HarnessError} OPTION_INVALID for names that Kubernetes refuses, a port that is none, a module over a ConfigMap's limit.
 */
export function sidecarSet(options: SidecarSetOptions): ManifestFile[] {
  const { deployment, namespace, labels = { app: deployment } } = options;
  const mounted = new MountedModule(options);
  if (!isSubdomain(deployment)) throw refusedName("--deployment", deployment);
  const name = options.name ?? `${mounted.base}-filter`;
  const filter = envoyFilter({ ...options, name, labels, code: { file: mounted.path } });
  const patch = mounted.sidecarPatch();
  return [
    ["configmap.yaml", mounted.configMap()],
    ["deployment-patch.yaml", patchText(patch)],
    ["deployment-patch.sh", patchCommand(patch, deployment, namespace)],
    ["envoyfilter.yaml", filter],
  ];
}
