import type { JsonObject, ManifestDocument } from "../manifest/documents.js";
import { isObject } from "../manifest/documents.js";
import type { PortProtocol } from "../manifest/port-protocol.js";
import { portProtocol } from "../manifest/port-protocol.js";
import type { LintContext } from "./context.js";
import { listAt, namespaceOf, objectAt, selectorOf, textAt } from "./context.js";

/** Labels of the pods of a Deployment; undefined for a patch, which does not say. */
export function templateLabels({ value, isPatch }: ManifestDocument): JsonObject | undefined {
  const labels = objectAt(value, ["spec", "template", "metadata", "labels"]);
  return isPatch && Object.keys(labels).length === 0 ? undefined : labels;
}

export const isSubset = (labels: JsonObject, of: JsonObject): boolean =>
  Object.entries(labels).every(([key, value]) => of[key] === value);

/** True when nothing says that they are in two namespaces. */
export function inSameNamespace(a: ManifestDocument, b: ManifestDocument): boolean {
  const [one, other] = [namespaceOf(a), namespaceOf(b)];
  return one === undefined || other === undefined || one === other;
}

/** Deployments and patches that an EnvoyFilter or plugin is for, as far as they are given. */
export function workloadsOf(context: LintContext, document: ManifestDocument): ManifestDocument[] {
  const labels = selectorOf(document)?.labels ?? {};
  return context.of("Deployment").filter((one) => {
    const of = templateLabels(one);
    return inSameNamespace(one, document) && (of === undefined || isSubset(labels, of));
  });
}

export interface ServicePort {
  readonly service: ManifestDocument;
  readonly serviceName: string;
  readonly port: number | undefined;
  /** Undefined: a name that no given container port has. */
  readonly targetPort: number | undefined;
  readonly name: string | undefined;
  readonly appProtocol: string | undefined;
  readonly protocol: PortProtocol;
}

/** Ports of the Services in front of the workloads of an EnvoyFilter, as far as they are given. */
export function servicePortsOf(context: LintContext, document: ManifestDocument): ServicePort[] {
  const workloads = workloadsOf(context, document)
    .map(templateLabels)
    .filter((one) => one !== undefined);
  const own = selectorOf(document)?.labels ?? {};
  const before = (service: ManifestDocument): boolean => {
    const selector = objectAt(service.value, ["spec", "selector"]);
    if (Object.keys(selector).length === 0 || !inSameNamespace(service, document)) return false;
    if (workloads.length > 0) return workloads.some((labels) => isSubset(selector, labels));
    const keys = Object.keys(selector).filter((key) => own[key] !== undefined);
    return Object.keys(own).length === 0 || (keys.length > 0 && keys.every((key) => own[key] === selector[key]));
  };
  return context
    .of("Service")
    .filter(before)
    .flatMap((service) => portsOf(context, service));
}

export function portsOf(context: LintContext, service: ManifestDocument): ServicePort[] {
  const serviceName = textAt(service.value, ["metadata", "name"]) ?? "?";
  return listAt(service.value, ["spec", "ports"]).flatMap((one) => {
    if (!isObject(one)) return [];
    const port = typeof one["port"] === "number" ? one["port"] : undefined;
    const target = one["targetPort"];
    const named = containerPorts(context).find(({ name }) => name !== undefined && name === target)?.port;
    const targetPort = target === undefined ? port : typeof target === "number" ? target : named;
    const [name, appProtocol] = [textAt(one, ["name"]), textAt(one, ["appProtocol"])];
    return [{ service, serviceName, port, targetPort, name, appProtocol, protocol: portProtocol(one) }];
  });
}

export function containerPorts(context: LintContext, of = context.of("Deployment")) {
  return of.flatMap((document) =>
    listAt(document.value, ["spec", "template", "spec", "containers"])
      .flatMap((container) => listAt(container, ["ports"]))
      .filter(isObject)
      .map((port) => ({
        port: typeof port["containerPort"] === "number" ? port["containerPort"] : undefined,
        name: textAt(port, ["name"]),
      })),
  );
}
