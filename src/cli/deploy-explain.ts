import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ExplainOptions, Explanation, Step } from "../deploy/explain.js";
import type { Proxy } from "../deploy/chains.js";
import type { Landing } from "../deploy/where.js";
import type { JsonObject, ManifestDocument } from "../manifest/documents.js";
import { HarnessError } from "../errors.js";
import { isObject, valueAt } from "../manifest/documents.js";
import type { CommandOptions } from "./arguments.js";
import { labelsOf, manifestOptions } from "./deploy-options.js";
import { UsageError } from "./errors.js";
import { lastOf, repeated, text } from "./exchange-options.js";
import { listOf, numberArgument } from "./values.js";

/** Its own options; --deployment, --label and --namespace it shares with the targets. */
export const explainOptions: CommandOptions = {
  deployment: manifestOptions["deployment"]!,
  label: manifestOptions["label"]!,
  namespace: manifestOptions["namespace"]!,
  where: {
    type: "boolean",
    describe: "which listeners and filter chains the EnvoyFilter touches, and why none",
  },
  proxy: { ...text, describe: "--where: release that the sidecar tells, such as 1.11.2" },
  "service-port": {
    ...repeated,
    describe: "--where: a port of its Service, name=port:targetPort [of the Services among the files]",
  },
  "gateway-port": { ...repeated, describe: "--where: it is a gateway that listens there, for HTTP" },
  "root-namespace": { ...text, describe: "--where: whose EnvoyFilters are for all [istio-system]" },
};

/** `pwh deploy explain deploy/` */
export async function deployExplain(given: readonly string[], args: Record<string, unknown>): Promise<number> {
  if (given.length === 0) throw new UsageError("Cannot explain: name the manifests, or their folder");
  const documents = await documentsOf(given.flatMap(filesOf));
  if (args["where"] === true) return tellWhere(documents, args);
  const other = ["proxy", "label", "namespace", "service-port", "gateway-port", "root-namespace"].find(
    (one) => args[one] !== undefined,
  );
  if (other !== undefined) throw new UsageError(`Cannot use --${other} without --where`);
  const { explain } = await import("../deploy/explain.js");
  const [deployment, folder] = [lastOf(args, "deployment"), given.map(packageOf).find((one) => one !== undefined)];
  const told = explain(documents, { ...(deployment !== undefined && { deployment }), ...(folder && { folder }) });
  if (told.apply.length === 0)
    throw new HarnessError(
      "MANIFEST_INVALID",
      `Cannot explain ${given.join(", ")}: no manifest there carries a plugin`,
    );
  process.stdout.write(explanationText(told));
  return 0;
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function filesOf(path: string): string[] {
  if (!isFolder(path)) return [path];
  const found = readdirSync(path).filter((one) => /\.(ya?ml|json)$/.test(one));
  if (found.length === 0) throw new UsageError(`Cannot explain ${path}: there is no YAML in it`);
  const own = found.sort().map((one) => join(path, one));
  if (packageOf(path)?.kind !== "helm" || !isFolder(join(path, "templates"))) return own;
  // what Helm fills in is no YAML before
  return own.concat(filesOf(join(path, "templates")).filter((one) => !readFileSync(one, "utf8").includes("{{ .Files")));
}

/** A folder that Kustomize or Helm takes as a whole. */
function packageOf(path: string): ExplainOptions["folder"] {
  if (existsSync(join(path, "kustomization.yaml"))) return { kind: "kustomize", path };
  return existsSync(join(path, "Chart.yaml")) ? { kind: "helm", path } : undefined;
}

/** @throws {HarnessError} FILE_UNREADABLE, MANIFEST_INVALID */
async function documentsOf(files: readonly string[]): Promise<ManifestDocument[]> {
  const [{ readManifest }, { readNamedFile }] = await Promise.all([
    import("../manifest/documents.js"),
    import("../harness/source.js"),
  ]);
  const all: ManifestDocument[] = [];
  for (const file of files) {
    const { documents, problems } = readManifest(new TextDecoder().decode(await readNamedFile(file)), file);
    const [problem] = problems;
    if (problem !== undefined)
      throw new HarnessError("MANIFEST_INVALID", `${file}:${problem.place.line}: ${problem.message}`);
    all.push(...documents);
  }
  return all;
}

function explanationText({ apply, look, lines, undo }: Explanation): string {
  const steps = (title: string, all: readonly Step[]): string =>
    all.length === 0 ? "" : `${title}\n\n${all.map(({ command, note }) => `  # ${note}\n  ${command}\n`).join("")}\n`;
  const known = lines.map(({ line, means, todo }) => `  "${line.trim()}"\n      ${means}\n      -> ${todo}\n`).join("");
  return `${steps("Apply, in this order:", apply)}${steps("Look whether it works:", look)}What the proxy's log may say:\n\n${known}${undo.length === 0 ? "" : `\n${steps("Take it away:", undo).trimEnd()}\n`}`;
}

/** @returns 1 when a patch of an EnvoyFilter touches nothing. */
async function tellWhere(documents: readonly ManifestDocument[], args: Record<string, unknown>): Promise<number> {
  const filters = documents.filter(({ kind }) => kind === "EnvoyFilter");
  if (filters.length === 0) throw new UsageError("Cannot tell where: no EnvoyFilter is among the files");
  const { where } = await import("../deploy/where.js");
  let code = 0;
  for (const filter of filters) {
    const proxy = proxyOf(filter, documents, args);
    const objects = await objectsOf(documents, proxy, args);
    const rootNamespace = lastOf(args, "root-namespace");
    const landings = where(filter.value, objects, proxy, rootNamespace === undefined ? {} : { rootNamespace });
    process.stdout.write(
      `${filter.file}: ${proxy.type} ${proxy.version}, ${pairsText(proxy.labels)}, in ${proxy.namespace}\n`,
    );
    if (landings.length === 0) process.stdout.write("  no patch has applyTo HTTP_FILTER: others are not looked at\n");
    for (const one of landings) process.stdout.write(landingText(one));
    if (landings.some(({ touched }) => touched.length === 0)) code = 1;
  }
  if (code === 1) process.stderr.write("warning: what touches nothing is taken without a word by kubectl and Istio\n");
  return code;
}

function landingText({ patch, touched, notes }: Landing): string {
  const told = notes.map((note) => `    ${note}\n`).join("");
  if (touched.length === 0) return `  patch ${patch}: touches nothing\n${told}`;
  const chains = touched.map(({ listener, chain, position }) => {
    const place = chain === "" ? listener : `${listener} / ${chain}`;
    return `  patch ${patch}: ${place}, ${position}\n`;
  });
  return chains.join("") + told;
}

const pairsText = (labels: Proxy["labels"]): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",") || "no labels";

/** Services and Deployments, with what the command line says of ports. */
async function objectsOf(
  documents: readonly ManifestDocument[],
  proxy: Proxy,
  args: Record<string, unknown>,
): Promise<JsonObject[]> {
  const of = (wanted: string) => documents.filter(({ kind }) => kind === wanted).map(({ value }) => value);
  const services = of("Service").concat(serviceGiven(listOf(args["service-port"]), proxy));
  if (proxy.type === "sidecar" && services.length === 0) {
    const how = "name the Service's file too, or its ports with --service-port http=8000:8080";
    throw new UsageError(`Cannot tell where: which ports have a Service is not known; ${how}`);
  }
  const objects = services.concat(of("Deployment"));
  const { namedPorts } = await import("../deploy/chains.js");
  const named = namedPorts(objects);
  const ports = services.flatMap(({ spec }) => (isObject(spec) && Array.isArray(spec["ports"]) ? spec["ports"] : []));
  for (const one of ports) {
    const target = isObject(one) ? one["targetPort"] : undefined;
    if (typeof target === "string" && !named.has(target))
      throw new UsageError(`Cannot tell where: targetPort ${target} is a name; name the Deployment's file too`);
  }
  return objects;
}

/** `http=8000:8080`; without a name `=8000:8080`. It is in front of the pod that is asked about. */
function serviceGiven(given: readonly string[], { labels, namespace }: Proxy): JsonObject[] {
  if (given.length === 0) return [];
  if (Object.keys(labels).length === 0)
    throw new UsageError("Cannot use --service-port: the EnvoyFilter selects no labels; say the pod's with --label");
  const ports = given.map((one): JsonObject => {
    const [, name, port, target] = /^([^=]*)=(\d+)(?::(\d+))?$/.exec(one) ?? [];
    if (port === undefined) {
      const form = "name=port:targetPort, such as http=8000:8080";
      throw new UsageError(`Cannot use --service-port ${one}: write it as ${form}`);
    }
    const [from, to] = [port, target ?? port].map((each) => numberArgument("--service-port", each, 1, 65_535));
    return { ...(name !== "" && { name: name! }), port: from!, targetPort: to! };
  });
  return [{ kind: "Service", metadata: { name: "given", namespace }, spec: { ports, selector: { ...labels } } }];
}

/** The pod: as the command line says, else as a Deployment among the files has it, else as the EnvoyFilter selects it. */
function proxyOf(
  filter: ManifestDocument,
  documents: readonly ManifestDocument[],
  args: Record<string, unknown>,
): Proxy {
  const version = lastOf(args, "proxy");
  if (version === undefined || !/^\d+\.\d+/.test(version))
    throw new UsageError("Cannot tell where: give the release of the sidecar with --proxy, such as --proxy 1.11.2");
  const gatewayPorts = listOf(args["gateway-port"]).map((one) => numberArgument("--gateway-port", one, 1, 65_535));
  const deployment = documents.find(({ kind, isPatch }) => kind === "Deployment" && !isPatch)?.value;
  const labelsAt = (value: JsonObject | undefined, ...path: string[]): Record<string, string> | undefined => {
    const found = valueAt(value, path);
    if (!isObject(found)) return undefined;
    return Object.fromEntries(Object.entries(found).map(([key, one]) => [key, String(one)]));
  };
  const labels =
    labelsOf(listOf(args["label"])) ??
    labelsAt(deployment, "spec", "template", "metadata", "labels") ??
    labelsAt(filter.value, "spec", "workloadSelector", "labels") ??
    {};
  const spaces = [
    lastOf(args, "namespace"),
    ...[deployment, filter.value].map((one) => valueAt(one, ["metadata", "namespace"])),
  ];
  const namespace = spaces.find((one) => typeof one === "string") ?? "default";
  return { type: gatewayPorts.length > 0 ? "gateway" : "sidecar", version, labels, namespace, gatewayPorts };
}
