import { didYouMean } from "../abi/nearest.js";
import { HarnessError } from "../errors.js";
import type { Json, JsonObject, ManifestDocument, ManifestKind, Path } from "../manifest/documents.js";
import { isObject, readManifest, valueAt } from "../manifest/documents.js";
import { field, wasmFiltersOf } from "../manifest/wasm-filters.js";
import { anyBytes } from "../proxy/envoy/any-bytes.js";
import { istioMinors, profileOf } from "../proxy/envoy/profiles.js";
import type { FailurePolicy } from "../proxy/envoy/settings.js";
import { readNamedFile } from "./source.js";
import { posix } from "node:path";

/** A plugin as a manifest configures it. */
export interface ManifestPlugin {
  /** What it is called there: of the filter, the plugin and the object, whichever are named. */
  readonly names: readonly string[];
  /** `envoyfilter.yaml:21` */
  readonly place: string;
  readonly kind: ManifestKind;
  readonly options: ManifestOptions;
  /** Release by its Istio: `istio-1.11`. Undefined: the manifest does not tell. */
  readonly envoy: string | undefined;
  /** Where the proxy has the module from: a path or an address. */
  readonly code: string | undefined;
  /** The module itself, where the manifests hold it: `inline_bytes`, or a ConfigMap with that file. */
  readonly module: Uint8Array | undefined;
  /** What a reader should know: what was chosen, what was left out. */
  readonly notes: readonly string[];
}

/** What of a manifest `run` and `verify` take. */
export interface ManifestOptions {
  readonly name?: string;
  readonly rootId?: string;
  readonly vmId?: string;
  readonly configuration?: Uint8Array;
  readonly vmConfiguration?: Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  readonly capabilities?: readonly string[];
  readonly allowOnHeadersStopIteration?: boolean;
  readonly failurePolicy?: FailurePolicy;
  readonly failOpen?: boolean;
}

/**
 * The plugin of some manifests: EnvoyFilter, WasmPlugin, TrafficExtension, EnvoyExtensionPolicy or a static configuration.
 *
 * @param filter Which, where there are several: the name of the filter, the plugin or the object.
 * @throws {HarnessError} FILE_UNREADABLE; MANIFEST_INVALID for YAML that is broken, none or several plugins, a configuration that
 *   cannot be used.
 */
export async function pluginOfManifests(files: readonly string[], filter?: string): Promise<ManifestPlugin> {
  const documents: ManifestDocument[] = [];
  for (const file of files) {
    const read = readManifest(new TextDecoder().decode(await readNamedFile(file)), file);
    const [problem] = read.problems;
    if (problem !== undefined && problem.what !== "duplicate-key") {
      throw invalid(`Cannot use ${file}:${problem.place.line}: ${problem.message}`);
    }
    documents.push(...read.documents);
  }
  const plugins = documents.flatMap((one) => pluginsOf(one, documents));
  const wanted = filter === undefined ? plugins : plugins.filter(({ names }) => names.includes(filter));
  const [only, ...more] = wanted;
  if (only !== undefined && more.length === 0) return only;
  const listed = plugins.map(({ names, place }) => `${names[0] ?? "a filter without a name"} (${place})`).join(", ");
  const where = files.join(", ");
  if (plugins.length === 0) throw invalid(`Cannot use ${where}: there is no wasm plugin of HTTP in it`);
  if (only === undefined) {
    const all = plugins.flatMap(({ names }) => names);
    throw invalid(`Cannot find plugin "${filter}" in ${where}${didYouMean(filter!, all)}: there are ${listed}`);
  }
  throw invalid(`Cannot tell which plugin of ${where} is meant: there are ${listed}; choose with --filter NAME`);
}

const invalid = (message: string): HarnessError => new HarnessError("MANIFEST_INVALID", message);

function pluginsOf(document: ManifestDocument, all: readonly ManifestDocument[]): ManifestPlugin[] {
  switch (document.kind) {
    case "EnvoyFilter":
    case "Bootstrap":
      return wasmFiltersOf(document)
        .filter(({ filter }) => !JSON.stringify(filter).includes("filters.network.wasm"))
        .map(({ filter, config, path }) => ofEnvoy(document, filter, config, path, all));
    case "WasmPlugin":
    case "TrafficExtension":
      return ofIstio(document, all);
    case "EnvoyExtensionPolicy":
      return ofGateway(document);
    default:
      return [];
  }
}

/** Members of PluginConfig that are played. */
const played: ReadonlySet<string> = new Set([
  "name",
  "root_id",
  "vm_config",
  "configuration",
  "fail_open",
  "failure_policy",
  "capability_restriction_config",
  "allow_on_headers_stop_iteration",
]);
const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function ofEnvoy(
  document: ManifestDocument,
  filter: JsonObject,
  config: JsonObject,
  path: Path,
  all: readonly ManifestDocument[],
): ManifestPlugin {
  const place = placeOf(document, path);
  const vm = field(config, "vm_config");
  const code = field(vm, "code");
  const local = field(code, "local");
  const file = text(field(local, "filename"));
  const inline = text(field(local, "inline_bytes"));
  const address = text(field(field(field(code, "remote"), "http_uri"), "uri"));
  const version = versionOf(document, path);
  const notes = [...version.notes];
  const others = Object.keys(config).filter((key) => !played.has(snakeCase(key)));
  if (others.length > 0) notes.push(`not played: ${others.join(", ")}`);
  const hostKeys = field(field(vm, "environment_variables"), "host_env_keys");
  if (Array.isArray(hostKeys) && hostKeys.length > 0) {
    notes.push(`variables of the proxy's own environment are not there: ${hostKeys.map(String).join(", ")}`);
  }
  const bytes = (name: string, given: Json | undefined): Uint8Array | undefined => {
    if (given === undefined) return undefined;
    const where = `${name} of ${place}`;
    if (!isObject(given)) throw invalid(`Cannot use ${where}: it is no object with "@type" and value`);
    try {
      return anyBytes(given, where);
    } catch (thrown) {
      throw thrown instanceof HarnessError ? invalid(thrown.message) : thrown;
    }
  };
  const profile = profileOf(version.envoy);
  const ignored = (["failure_policy", "allow_on_headers_stop_iteration"] as const).filter((name) => {
    const knows = name === "failure_policy" ? profile.hasFailurePolicy : profile.hasAllowStop;
    return !knows && field(config, name) !== undefined;
  });
  // [E] in what istiod sends, a field that Envoy does not know is left out
  for (const name of ignored)
    notes.push(`Envoy ${profile.release} does not know ${name}: it is as if it were not there`);
  const known = (name: (typeof ignored)[number]): Json | undefined =>
    ignored.includes(name) ? undefined : field(config, name);
  const policy = text(known("failure_policy"));
  const failOpen = field(config, "fail_open");
  const capabilities = field(field(config, "capability_restriction_config"), "allowed_capabilities");
  const allowStop = known("allow_on_headers_stop_iteration");
  const name = text(config["name"]);
  return {
    names: defined([text(filter["name"]), name, nameOf(document)]),
    place,
    kind: document.kind!,
    options: withoutUndefined({
      name: name ?? "",
      rootId: text(field(config, "root_id")),
      vmId: text(field(vm, "vm_id")),
      configuration: bytes("configuration", config["configuration"]),
      vmConfiguration: bytes("vm_config.configuration", field(vm, "configuration")),
      environment: strings(field(field(vm, "environment_variables"), "key_values")),
      capabilities: isObject(capabilities) ? Object.keys(capabilities) : undefined,
      allowOnHeadersStopIteration: typeof allowStop === "boolean" ? allowStop : undefined,
      failurePolicy: isPolicy(policy) ? policy : undefined,
      failOpen: typeof failOpen === "boolean" ? failOpen : undefined,
    }),
    envoy: version.envoy,
    code: file ?? address,
    module: inline === undefined ? (file && mountedModule(file, all)) || undefined : Buffer.from(inline, "base64"),
    notes,
  };
}

/** WasmPlugin and TrafficExtension as Istio translates them. Deployment reference, section 5.5 */
function ofIstio(document: ManifestDocument, all: readonly ManifestDocument[]): ManifestPlugin[] {
  const spec = valueAt(document.value, ["spec"]);
  const isPlugin = document.kind === "WasmPlugin";
  const wasm = isPlugin ? spec : valueAt(spec, ["wasm"]);
  if (!isObject(wasm)) return [];
  if ((wasm["type"] ?? "HTTP") === "NETWORK") return [];
  const config = wasm["pluginConfig"];
  const strategy = { FAIL_OPEN: "FAIL_OPEN", FAIL_CLOSE: "FAIL_CLOSED", FAIL_RELOAD: "FAIL_RELOAD" } as const;
  const wanted = text(wasm["failStrategy"]);
  const env = valueAt(wasm, ["vmConfig", "env"]);
  const pairs = (Array.isArray(env) ? env : []).flatMap((one): [string, string][] =>
    isObject(one) && one["valueFrom"] !== "HOST" ? [[String(one["name"]), String(one["value"] ?? "")]] : [],
  );
  const url = text(wasm["url"]);
  const namespace = text(valueAt(document.value, ["metadata", "namespace"])) ?? "default";
  const name = nameOf(document);
  const isEmpty = !isObject(config) || Object.keys(config).length === 0;
  return [
    {
      names: defined([name, text(wasm["pluginName"])]),
      place: placeOf(document, ["spec"]),
      kind: document.kind!,
      options: withoutUndefined({
        name: `${namespace}.${name ?? ""}`,
        rootId: text(wasm["pluginName"]),
        configuration: isEmpty ? undefined : new TextEncoder().encode(JSON.stringify(config)),
        environment: Object.fromEntries(pairs),
        failurePolicy:
          wanted !== undefined && Object.hasOwn(strategy, wanted) ? strategy[wanted as "FAIL_OPEN"] : undefined,
      }),
      envoy: undefined,
      code: url,
      module: (url?.startsWith("file://") && mountedModule(url.slice("file://".length), all)) || undefined,
      notes: [],
    },
  ];
}

/** Deployment reference, section 6 */
function ofGateway(document: ManifestDocument): ManifestPlugin[] {
  const list = valueAt(document.value, ["spec", "wasm"]);
  return (Array.isArray(list) ? list : []).flatMap((one, index): ManifestPlugin[] => {
    if (!isObject(one)) return [];
    const config = one["config"];
    const url = text(valueAt(one, ["code", "image", "url"])) ?? text(valueAt(one, ["code", "http", "url"]));
    return [
      {
        names: defined([text(one["name"]), nameOf(document)]),
        place: placeOf(document, ["spec", "wasm", index]),
        kind: document.kind!,
        options: withoutUndefined({
          name: text(one["name"]),
          rootId: text(one["rootID"]),
          configuration: config === undefined ? undefined : new TextEncoder().encode(JSON.stringify(config)),
          failOpen: typeof one["failOpen"] === "boolean" ? one["failOpen"] : undefined,
        }),
        envoy: undefined,
        code: url,
        module: undefined,
        notes: [],
      },
    ];
  });
}

/** The newest Istio that `proxyVersion` lets through. */
function versionOf(document: ManifestDocument, path: Path): { envoy: string | undefined; notes: string[] } {
  const at = path.indexOf("configPatches");
  if (at < 0) return { envoy: undefined, notes: [] };
  const pattern = text(valueAt(document.value, [...path.slice(0, at + 2), "match", "proxy", "proxyVersion"]));
  if (pattern === undefined || pattern === "") return { envoy: undefined, notes: [] };
  let matching: number[];
  try {
    const expression = new RegExp(pattern);
    const { oldest, newest } = istioMinors;
    matching = Array.from({ length: newest - oldest + 1 }, (_, i) => oldest + i).filter((minor) =>
      expression.test(`1.${minor}.0`),
    );
  } catch {
    throw invalid(`Cannot use proxyVersion ${pattern} of ${placeOf(document, path)}: it is no regular expression`);
  }
  const last = matching.at(-1);
  if (last === undefined) {
    return {
      envoy: undefined,
      notes: [`proxyVersion ${pattern} matches no Istio that is known here; the newest Envoy is played`],
    };
  }
  const notes =
    matching.length === 1
      ? []
      : [
          `proxyVersion ${pattern} matches ${matching.length} releases, 1.${matching[0]} to 1.${last}; the newest is played`,
        ];
  return { envoy: `istio-1.${last}`, notes };
}

/** The module that a ConfigMap among the manifests holds under the name of that file. */
function mountedModule(file: string, documents: readonly ManifestDocument[]): Uint8Array | undefined {
  const key = posix.basename(file);
  const found = documents
    .filter(({ kind }) => kind === "ConfigMap")
    .map(({ value }) => valueAt(value, ["binaryData", key]))
    .find((one) => typeof one === "string");
  return typeof found === "string" ? Buffer.from(found, "base64") : undefined;
}

const text = (value: Json | undefined): string | undefined => (typeof value === "string" ? value : undefined);
const nameOf = ({ value }: ManifestDocument): string | undefined => text(valueAt(value, ["metadata", "name"]));
const placeOf = (document: ManifestDocument, path: Path): string => `${document.file}:${document.at(path).line}`;
const defined = (names: readonly (string | undefined)[]): string[] => [
  ...new Set(names.filter((one): one is string => one !== undefined && one !== "")),
];
const isPolicy = (name: string | undefined): name is FailurePolicy =>
  name === "FAIL_OPEN" || name === "FAIL_CLOSED" || name === "FAIL_RELOAD";

function strings(value: Json | undefined): Record<string, string> | undefined {
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, String(one)]))
    : undefined;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(given: T): Defined<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<T>;
}
