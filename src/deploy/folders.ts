import { comment, manifest, text, yaml } from "./yaml.js";
import { envoyFilter } from "./envoyfilter.js";
import { MountedModule, patchText } from "./mounted-module.js";
import type { SidecarSetOptions } from "./sidecar-set.js";

/** Files of a folder; the module as it is. */
export type FolderFile = readonly [name: string, content: string | Uint8Array];

interface Parts {
  readonly mounted: MountedModule;
  readonly filter: string;
  readonly patch: object;
}

function partsOf(options: SidecarSetOptions): Parts {
  const { deployment, labels = { app: deployment } } = options;
  const mounted = new MountedModule(options);
  mounted.configMap(); // what does not fit is refused here, too
  const name = options.name ?? `${mounted.base}-filter`;
  const filter = envoyFilter({ ...options, name, labels, code: { file: mounted.path } });
  return { mounted, filter, patch: mounted.sidecarPatch() };
}

/**
 * A component of Kustomize: whoever has the Deployment names the folder under `components`.
 *
 * @throws {HarnessError} As `sidecarSet`.
 */
export function kustomizeFolder(options: SidecarSetOptions): FolderFile[] {
  const { mounted, filter, patch } = partsOf(options);
  const { deployment, namespace, immutable = false } = options;
  const component = manifest({
    apiVersion: "kustomize.config.k8s.io/v1alpha1",
    kind: "Component",
    configMapGenerator: [
      {
        name: mounted.configMapName,
        ...(namespace !== undefined && { namespace }),
        files: [mounted.file],
        options: { disableNameSuffixHash: true, ...(immutable && { immutable }) },
      },
    ],
    patches: [{ path: "deployment-patch.yaml", target: { kind: "Deployment", name: deployment } }],
    resources: ["envoyfilter.yaml"],
  });
  comment(
    component,
    ["configMapGenerator", 0],
    "options",
    "the name stands in an annotation, where Kustomize would not change it",
  );
  return [
    [mounted.file, options.module],
    ["deployment-patch.yaml", patchText(patch, deployment)],
    ["envoyfilter.yaml", filter],
    ["kustomization.yaml", text(component)],
  ];
}

/**
 * A chart of Helm with ConfigMap and EnvoyFilter. The Deployment is another chart's: its patch lies beside the templates.
 *
 * @throws {HarnessError} As `sidecarSet`.
 */
export function helmFolder(options: SidecarSetOptions): FolderFile[] {
  const { mounted, filter, patch } = partsOf(options);
  const { immutable = false, namespace } = options;
  const chart = {
    apiVersion: "v2",
    name: `${mounted.base}-wasm`,
    description: `The proxy-wasm filter ${mounted.base} for the sidecars of ${options.deployment}`,
    type: "application",
    version: "0.1.0",
    appVersion: mounted.sha256.slice(0, 12),
  };
  const configMap = yaml({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: mounted.configMapName, ...(namespace !== undefined && { namespace }) },
    ...(immutable && { immutable }),
    binaryData: { [mounted.file]: "MODULE" },
  });
  const fromFile = `{{ .Files.Get "files/${mounted.file}" | b64enc }}`;
  return [
    ["Chart.yaml", yaml(chart)],
    [`files/${mounted.file}`, options.module],
    ["deployment-patch.yaml", patchText(patch)],
    // a function: "$" means something in a replacement
    ["templates/configmap.yaml", configMap.replace("MODULE", () => fromFile)],
    ["templates/envoyfilter.yaml", filter.replaceAll("{{", () => '{{ "{{" }}')],
  ];
}
