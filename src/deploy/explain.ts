import type { JsonObject, ManifestDocument } from "../manifest/documents.js";
import { isObject, valueAt } from "../manifest/documents.js";
import { clientSideApplyLimit } from "../manifest/limits.js";
import { field, wasmFiltersOf } from "../manifest/wasm-filters.js";
import type { Delivery, KnownLine } from "./known-lines.js";
import { knownLines } from "./known-lines.js";

/** A command for a person, and what it is for or shows. */
export interface Step {
  readonly command: string;
  readonly note: string;
}

/** What to do with manifests, and how to look whether they work. */
export interface Explanation {
  /** In the order in which they are applied. */
  readonly apply: readonly Step[];
  readonly look: readonly Step[];
  readonly lines: readonly KnownLine[];
  /** Takes all of it away again. */
  readonly undo: readonly Step[];
}

const inOrder = ["ConfigMap", "Deployment", "EnvoyFilter", "WasmPlugin", "TrafficExtension", "EnvoyExtensionPolicy"];
const plugins: ReadonlySet<string> = new Set(["EnvoyFilter", "WasmPlugin", "TrafficExtension", "EnvoyExtensionPolicy"]);

/** A manifest that is applied. */
interface Applied {
  readonly document: ManifestDocument;
  readonly kind: string;
  readonly name: string;
  /** `-n shop `, or nothing. */
  readonly space: string;
}

export interface ExplainOptions {
  /** Whose patch is among the manifests; a patch may not tell. Default: what their EnvoyFilter selects by `app`. */
  readonly deployment?: string;
  /** They are a component of Kustomize, or a chart of Helm, in this folder. */
  readonly folder?: { readonly kind: "kustomize" | "helm"; readonly path: string };
}

/** Says how these manifests are applied and watched. */
export function explain(
  documents: readonly ManifestDocument[],
  { deployment, folder }: ExplainOptions = {},
): Explanation {
  const all = documents
    .filter(({ kind }) => kind !== undefined && inOrder.includes(kind))
    .map(applied)
    .sort((a, b) => inOrder.indexOf(a.kind) - inOrder.indexOf(b.kind));
  const labels = all.map(({ document }) => selectorOf(document)).find((one) => one !== undefined) ?? {};
  const workload = deployment ?? (typeof labels["app"] === "string" ? labels["app"] : "<deployment>");
  const space = all.find(({ kind }) => plugins.has(kind))?.space ?? all[0]?.space ?? "";
  const boots = documents.filter(({ kind }) => kind === "Bootstrap");
  const deliveries = new Set([...all.map(({ document }) => document), ...boots].flatMap(deliveriesOf));
  const patches = all.filter(({ document }) => isPatch(document)).flatMap((one) => applying(one, workload));
  const single = { apply: all.flatMap((one) => applying(one, workload)), undo: all.flatMap(undoing).toReversed() };
  const { apply, undo } = folder === undefined ? single : ofFolder(folder, patches);
  return {
    apply: [...apply, ...boots.flatMap(booting)],
    look: all.some(({ kind }) => plugins.has(kind)) ? looking(all, labels, space) : [],
    lines: knownLines.filter(({ delivery }) => delivery === undefined || delivery.some((one) => deliveries.has(one))),
    undo,
  };
}

function ofFolder(
  { kind, path }: NonNullable<ExplainOptions["folder"]>,
  patches: readonly Step[],
): Pick<Explanation, "apply" | "undo"> {
  if (kind === "helm") {
    const apply = [
      { command: `helm upgrade --install <release> ${path}`, note: "ConfigMap and EnvoyFilter" },
      ...patches, // the Deployment is another chart's
    ];
    return { apply, undo: [{ command: "helm uninstall <release>", note: "ConfigMap and EnvoyFilter" }] };
  }
  const note = `in the kustomization that has the Deployment, after "components: [${path}]" (a path from there)`;
  const own = "without the component, all but what it added";
  return {
    apply: [{ command: "kubectl apply --server-side -k <folder>", note }],
    undo: [{ command: "kubectl apply --server-side -k <folder>", note: own }],
  };
}

/** Without a selector it is no Deployment yet; with a name it is how Kustomize takes a patch. */
const isPatch = (document: ManifestDocument): boolean =>
  document.kind === "Deployment" && (document.isPatch || valueAt(document.value, ["spec", "selector"]) === undefined);

const textAt = (value: JsonObject, ...path: string[]): string | undefined => {
  const found = valueAt(value, path);
  return typeof found === "string" ? found : undefined;
};

function applied(document: ManifestDocument): Applied {
  const namespace = textAt(document.value, "metadata", "namespace");
  return {
    document,
    kind: document.kind!,
    name: textAt(document.value, "metadata", "name") ?? "<name>",
    space: namespace === undefined ? "" : `-n ${namespace} `,
  };
}

function selectorOf({ value, kind }: ManifestDocument): JsonObject | undefined {
  const path = kind === "EnvoyFilter" ? ["spec", "workloadSelector", "labels"] : ["spec", "selector", "matchLabels"];
  const labels = kind !== undefined && plugins.has(kind) ? valueAt(value, path) : undefined;
  return isObject(labels) ? labels : undefined;
}

function deliveriesOf(document: ManifestDocument): Delivery[] {
  const url = textAt(document.value, "spec", "url") ?? textAt(document.value, "spec", "wasm", "url");
  if (url !== undefined) return [/^https?:/.test(url) ? "download" : url.startsWith("file:") ? "file" : "image"];
  if (document.kind === "EnvoyExtensionPolicy") return ["image", "download"];
  return wasmFiltersOf(document).map(({ config }) => {
    const code = field(field(config, "vm_config"), "code");
    return field(code, "remote") === undefined ? "file" : "download";
  });
}

function applying({ document, kind, name, space }: Applied, workload: string): Step[] {
  const { file } = document;
  if (isPatch(document)) {
    const patched = document.isPatch ? workload : name;
    return [
      {
        command: `kubectl ${space}patch deployment ${patched} --patch-file ${file}`,
        note: "the sidecar gets the module's file; its pods restart",
      },
      {
        command: `kubectl ${space}rollout status deployment/${patched}`,
        note: "wait: a sidecar without the file refuses the listener",
      },
    ];
  }
  if (kind === "ConfigMap" && bytesOf(document) > clientSideApplyLimit()) {
    const note = "the module; without --server-side its annotation would be too long";
    return [{ command: `kubectl ${space}apply --server-side -f ${file}`, note }];
  }
  const notes: Readonly<Record<string, string>> = {
    ConfigMap: "the module",
    Deployment: "the workload; pods restart when its template changed",
    EnvoyFilter: "the plugin goes into the listeners at once",
  };
  return [{ command: `kubectl ${space}apply -f ${file}`, note: notes[kind] ?? "the plugin; proxies fetch its module" }];
}

/** Of all modules in a ConfigMap, decoded. */
function bytesOf({ value }: ManifestDocument): number {
  const data = valueAt(value, ["binaryData"]);
  const texts = isObject(data) ? Object.values(data).filter((one) => typeof one === "string") : [];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text, "base64"), 0);
}

function booting({ file }: ManifestDocument): Step[] {
  return [
    { command: `envoy --mode validate -c ${file}`, note: "says what is wrong, and ends" },
    { command: `envoy -c ${file}`, note: "serves; lines of the plugin have [wasm] in them" },
  ];
}

function undoing({ document, kind, space }: Applied): Step[] {
  if (kind === "Deployment") return [];
  return [{ command: `kubectl ${space}delete -f ${document.file}`, note: kind }];
}

function looking(all: readonly Applied[], labels: JsonObject, space: string): Step[] {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`);
  const chosen = pairs.length === 0 ? "" : `-l ${pairs.join(",")} `;
  const pod = `"$POD" ${space}`.trimEnd();
  const steps: Step[] = [
    {
      command: `POD=$(kubectl ${space}get pod ${chosen}-o jsonpath='{.items[0].metadata.name}')`,
      note: "one of the pods, for what follows",
    },
  ];
  for (const { document } of all) steps.push(...filesOf(document, space));
  for (const one of all.filter(({ kind }) => plugins.has(kind))) steps.push(placeOf(one, pod));
  const prefix = all.map(({ document }) => prefixOf(document)).find((each) => each !== undefined);
  return [
    ...steps,
    {
      command: `istioctl proxy-config log ${pod} --level wasm:info`,
      note: "Istio shows warnings only, unless told so",
    },
    {
      command: `kubectl ${space}logs "$POD" -c istio-proxy | grep "wasm log"`,
      note: `after a request, the plugin's own lines: ... wasm log${prefix ?? "<name, root id, VM id>"}: ...`,
    },
    {
      command: `kubectl ${space}exec "$POD" -c istio-proxy -- pilot-agent request GET stats | grep -E "wasm|lds.update_rejected"`,
      note: "wasm.envoy.wasm.runtime.v8.active is above 0; listener_manager.lds.update_rejected does not grow",
    },
  ];
}

/** Where the file of a module has to be. */
function filesOf(document: ManifestDocument, space: string): Step[] {
  return wasmFiltersOf(document).flatMap(({ config }) => {
    const code = field(field(config, "vm_config"), "code");
    const file = field(field(code, "local"), "filename");
    if (typeof file !== "string") return [];
    const note = "it is there, with the module's size (an image without a shell's tools has no ls)";
    return [{ command: `kubectl ${space}exec "$POD" -c istio-proxy -- ls -l ${file}`, note }];
  });
}

function placeOf({ document, kind, name, space }: Applied, pod: string): Step {
  if (kind === "EnvoyExtensionPolicy") {
    const note = "status: Accepted is True";
    return { command: `kubectl ${space}get envoyextensionpolicy ${name} -o yaml`, note };
  }
  if (kind !== "EnvoyFilter") {
    const note = "the plugin, with the path of what the agent downloaded";
    return { command: `istioctl proxy-config ecds ${pod} -o json | grep ${name}`, note };
  }
  const [filter] = wasmFiltersOf(document);
  const wanted = typeof filter?.filter["name"] === "string" ? filter.filter["name"] : "envoy.filters.http.wasm";
  const patch = valueAt(document.value, ["spec", "configPatches", 0, "match"]);
  const context = valueAt(isObject(patch) ? patch : {}, ["context"]);
  const port = valueAt(isObject(patch) ? patch : {}, ["listener", "portNumber"]);
  const listener = context === "SIDECAR_INBOUND" ? "--port 15006 " : typeof port === "number" ? `--port ${port} ` : "";
  return {
    command: `istioctl proxy-config listener ${pod} ${listener}-o json | grep ${wanted}`,
    note: "nothing printed: it landed nowhere; pwh deploy explain --where says why",
  };
}

/** What stands between `wasm log` and the colon of a stream's lines. */
function prefixOf(document: ManifestDocument): string | undefined {
  const [filter] = wasmFiltersOf(document);
  if (filter === undefined) return undefined;
  const { config } = filter;
  const parts = [field(config, "name"), field(config, "root_id"), field(field(config, "vm_config"), "vm_id")];
  return parts
    .filter((one) => typeof one === "string" && one !== "")
    .map((one) => ` ${String(one)}`)
    .join("");
}
